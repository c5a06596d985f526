"""What is to be read: files, settings, the look at the bytes that spares parsing, and ignore comments."""
