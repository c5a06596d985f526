"""What random programs are made of: templates of expressions and statements.

In a template `{x}` and `{y}` are tensors in scope, `{same}` is one of the shape of `{x}`, `{leaf}` one that was made as a
leaf. Beside each template of an expression stands the shape of its result for the shape of `{x}`.
"""

from __future__ import annotations

from collections.abc import Callable

Shape = tuple[int, ...]


def same(shape: Shape) -> Shape:
    return shape


def scalar(shape: Shape) -> Shape:
    return ()


def without_last(shape: Shape) -> Shape:
    return shape[:-1]


def without_first(shape: Shape) -> Shape:
    return shape[1:]


def turned(shape: Shape) -> Shape:
    return (*shape[:-2], *reversed(shape[-2:]))


def flat(shape: Shape) -> Shape:
    count = 1
    for size in shape:
        count *= size
    return (count,)


def wider(shape: Shape) -> Shape:
    return (1, *shape)


def first_only(shape: Shape) -> Shape:
    return (1, *shape[1:])


def all_but_first(shape: Shape) -> Shape:
    return (max(shape[0] - 1, 0), *shape[1:]) if shape else shape


def doubled(shape: Shape) -> Shape:
    return (2 * shape[0], *shape[1:]) if shape else shape


def stacked(shape: Shape) -> Shape:
    return (2, *shape)


Template = tuple[str, Callable[[Shape], Shape]]

LEAVES: tuple[Template, ...] = (
    ("torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], requires_grad=True)", lambda shape: (2, 3)),
    ("torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])", lambda shape: (2, 3)),
    ("torch.tensor([0.5, -1.5, 2.0], requires_grad=True)", lambda shape: (3,)),
    ("torch.tensor([1.0, 2.0, 3.0])", lambda shape: (3,)),
    ("torch.ones(2, 3, requires_grad=True)", lambda shape: (2, 3)),
    ("torch.ones(2, 3)", lambda shape: (2, 3)),
    ("torch.full((2, 3), 0.5, requires_grad=True)", lambda shape: (2, 3)),
    ("torch.tensor(0.75, requires_grad=True)", scalar),
    ("torch.tensor(2.0)", scalar),
    ("torch.arange(3.0, requires_grad=True)", lambda shape: (3,)),
    ("torch.zeros(3, requires_grad=True, dtype=torch.float64)", lambda shape: (3,)),
    ("torch.eye(3, requires_grad=True)", lambda shape: (3, 3)),
    ("torch.linspace(0, 1, 6, requires_grad=True)", lambda shape: (6,)),
    ("nn.Parameter(torch.ones(2, 3))", lambda shape: (2, 3)),
    ("nn.Parameter(torch.tensor([1.0, -2.0, 3.0]), requires_grad=False)", lambda shape: (3,)),
    ("torch.arange(6).reshape(2, 3)", lambda shape: (2, 3)),
)

UNARY: tuple[Template, ...] = tuple(
    (text, same)
    for text in (
        "{x} * 2", "{x} + 1", "1 - {x}", "{x} / 4", "-{x}", "2 / ({x} + 8)", "{x} ** 2", "{x}.sin()", "{x}.cos()",
        "{x}.tanh()", "{x}.sigmoid()", "{x}.relu()", "{x}.abs()", "{x}.square()", "{x}.clone()", "({x} * 0.1).exp()",
        "({x}.abs() + 1).log()", "({x}.abs() + 1).sqrt()", "{x}.clamp(-1, 1)", "{x}.clamp(min=0)", "{x}.softmax(-1)",
        "{x}.log_softmax(-1)", "{x}.cumsum(0)", "{x}.sign()", "{x}.round()", "{x}.floor()", "{x}.double()",
        "{x}.float()", "{x}.to(torch.float64)", "{x}.to(torch.float32)", "{x}.long()", "{x}.half()", "{x} > 0",
        "{x}.isnan()", "torch.zeros_like({x})", "torch.ones_like({x}, requires_grad=True)", "{x}.new_ones(2, 3)",
        "F.gelu({x})", "F.softplus({x})", "F.leaky_relu({x}, 0.1)", "F.elu({x})", "F.silu({x})", "{x}.flip(0)",
        "{x}.roll(1, 0)", "{x}.nan_to_num()", "{x}.contiguous()", "{x}.detach()", "{x}.data", "{x}.clone().detach()",
        "{x}.detach().clone()", "{x}.detach().requires_grad_()", "{x}.clone().requires_grad_()", "torch.tensor({x})",
        "torch.as_tensor({x})", "copy.deepcopy({x})", "copy.copy({x})", "nn.Parameter({x})",
        "{x}.masked_fill({x} > 0, 0.5)", "{x}.pow({x}.detach())", "F.dropout({x}, 0.5, training=False)", "{x}.erf()",
        "F.normalize({x}, dim=-1)", "{x}.logit(0.1)", "{x}.sinh()", "{x}.atan()", "{x}.expm1()", "{x}.reciprocal()",
        "{x}.frac()", "{x}.trunc()", "{x}.tril()", "torch.special.expit({x})", "{x}.cpu()",
        "{x}.requires_grad_(False)", "{x}.type(torch.float32)", "{x}.lerp({x} * 2, 0.25)", "{x}.cumprod(0)", "+{x}",
        "{x}.view_as({x})", "{x}.expand_as({x})", "{x}.alias_copy()", "torch.empty_like({x}).fill_(1)",
        "torch.full_like({x}, 2.0)", "{x}.index_select(0, torch.tensor([0]))", "{x}.erfinv()",
        "{x}.prelu(torch.tensor([0.25], requires_grad=True))", "F.hardtanh({x})", "F.relu6({x})", "F.mish({x})",
        "F.layer_norm({x}, {x}.shape[-1:])", "{x}.conj()", "{x}.imag",
    )
)  # fmt: skip

VIEWS: tuple[Template, ...] = (
    ("{x}.view(-1)", flat), ("{x}.reshape(-1)", flat), ("{x}.flatten()", flat), ("{x}.ravel()", flat),
    ("{x}.t()", turned), ("{x}.T", turned), ("{x}.transpose(0, -1)", turned), ("{x}.mT", turned),
    ("{x}[0]", without_first),
    ("{x}[-1]", without_first), ("{x}[1:]", all_but_first), ("{x}[:1]", first_only), ("{x}[...]", same),
    ("{x}[:]", same),
    ("{x}[..., 0]", without_last), ("{x}[..., None]", lambda shape: (*shape, 1)), ("{x}[None]", wider),
    ("{x}.unsqueeze(0)", wider), ("{x}.squeeze()", same), ("{x}.select(0, 0)", without_first),
    ("{x}.narrow(0, 0, 1)", first_only), ("{x}.expand(2, *{x}.shape)", stacked), ("{x}.detach()", same),
    ("{x}.diagonal()", lambda shape: shape[:1]), ("{x}.permute(*range({x}.dim()))", same),
    ("{x}.view({x}.shape)", same),
    ("{x}.movedim(0, -1)", turned), ("{x}.split(1)[0]", first_only), ("{x}.chunk(2)[0]", first_only),
    ("{x}.unbind(0)[0]", without_first), ("torch.split({x}, 1)[-1]", first_only),
    ("{x}.as_strided((2,), (1,))", lambda shape: (2,)),
    ("{x}.unfold(0, 1, 1)", lambda shape: (*shape, 1)), ("{x}.unflatten(0, (1, -1))", wider), ("{x}.real", same),
    ("torch.view_as_real({x})", lambda shape: (*shape, 2)),
    ("list({x})[0]", without_first),
    ("{x}.swapaxes(0, -1)", turned), ("torch.atleast_2d({x})", same), ("{x}.hsplit(1)[0]", same),
    ("{x}.tensor_split(2)[0]", first_only),
    ("{x}.view_as({x})", same), ("{x}.squeeze(0)", same), ("{x}.broadcast_to({x}.shape)", same),
    ("{x}.adjoint()", turned),
    ("{x}.new_tensor({x})", same), ("torch.broadcast_tensors({x}, {x})[0]", same), ("{x}.contiguous()", same),
    ("{x}.to({x}.dtype)", same), ("{x}.reshape({x}.shape)", same), ("{x}.view(1, -1)", lambda shape: (1, *flat(shape))),
)  # fmt: skip

REDUCTIONS: tuple[Template, ...] = tuple(
    (text, scalar)
    for text in (
        "{x}.sum()", "{x}.prod()", "{x}.max()", "{x}.min()", "{x}.amax()", "{x}.norm()", "{x}.var()",
        "{x}.std()", "{x}.logsumexp(0)", "{x}.argmax()", "{x}.count_nonzero()", "{x}.all()", "{x}.any()",
        "{x}.median()",
        "F.mse_loss({x}, {same})", "F.l1_loss({x}, {same})", "{x}.dist({same})", "F.smooth_l1_loss({x}, {same})",
        "F.binary_cross_entropy_with_logits({x}, {same}.detach().sigmoid())", "({x} * {same}).sum()",
        "{x}.aminmax()[0]",
    )
) + tuple(
    (text, without_last)
    for text in (
        "{x}.sum(-1)", "{x}.mean(-1)", "{x}.max(-1)[0]", "{x}.max(-1).indices", "{x}.min(-1).values", "{x}.prod(-1)",
        "{x}.argmin(-1)", "{x}.amax(-1)", "{x}.logsumexp(-1)", "{x}.sort(-1)[0][..., 0]", "{x}.topk(1, -1)[0][..., 0]",
        "{x}.std(-1)", "{x}.kthvalue(1, -1)[0]", "{x}.cummax(-1)[0][..., 0]",
    )
)  # fmt: skip

BINARY: tuple[Template, ...] = tuple(
    (text, same)
    for text in (
        "{x} + {same}", "{x} - {same}", "{x} * {same}", "{x} / ({same} + 8)", "torch.maximum({x}, {same})", "{x} * {y}",
        "{x} + {y}", "torch.minimum({x}, {same})", "torch.where({x} > 0, {x}, {same})", "torch.lerp({x}, {same}, 0.25)",
        "torch.addcmul({x}, {same}, {same})", "torch.atan2({x}, {same} + 8)", "torch.add({x}, {same}, alpha=2)",
        "{x} == {same}", "torch.hypot({x}, {same})", "{x}.masked_fill({same} > 0, 0.0)", "torch.sub({x}, {y})",
        "torch.addcdiv({x}, {same}, {same} + 8)", "{x} % 2", "{x} // 2", "torch.fmod({x}, 2)",
        "{x}.where({same} > 0, {y})",
        "{x}.type_as({same})", "{x}.to({same})", "torch.ldexp({x}, {same}.long())",
        "torch.outer({x}.reshape(-1)[:2], {y}.reshape(-1)[:2])",
        "{x}.scatter(0, torch.zeros_like({x}, dtype=torch.long), {same})",
    )
) + (
    ("{x} @ {same}.mT", turned), ("torch.cat([{x}, {same}])", doubled), ("torch.stack([{x}, {same}])", stacked),
    ("{x}.reshape(-1) @ {same}.reshape(-1)", scalar), ("torch.dot({x}.flatten(), {same}.flatten())", scalar),
    ("torch.einsum('...i,...i->...', {x}, {same})", without_last), ("F.linear({x}, {same})", turned),
    ("F.cosine_similarity({x}, {same}, dim=-1)", without_last), ("torch.hstack([{x}, {same}])", same),
)  # fmt: skip

INPLACE = (
    "{x}.add_(1)", "{x}.mul_(2)", "{x}.zero_()", "{x}.fill_(0.5)", "{x}.copy_({same})", "{x}.relu_()", "{x}.sigmoid_()",
    "{x}.tanh_()", "{x}.clamp_(-1, 1)", "{x}.sub_({same})", "{x}.div_(2)", "{x}.neg_()", "{x}.sin_()", "{x}.add_({y})",
    "{x}.mul_({same})", "{x}[0] = 1.0", "{x}[0] = {y}", "{x}[...] = {same}", "{x}[1:] *= 2", "{x}[{x} > 0] = 0.0",
    "{x} += 1", "{x} *= 2", "{x} -= {same}", "{x} /= 2", "{x} += {same}", "{x} **= 2", "{x}.masked_fill_({x} > 0, 0.5)",
    "{x}.index_fill_(0, torch.tensor([0]), 0.5)", "{x}.squeeze_()", "{x}.unsqueeze_(0)", "{x}.t_()", "{x}.pow_(2)",
    "{x}.transpose_(0, -1)", "{x}.data.add_(1)", "{x}.data = {same}.data", "{x}.data = {x}.data * 2",
    "{x}.detach().add_(1)",
    "{x}.detach()[0] = 3.0", "{x}.view(-1).mul_(2)", "{x}[0].add_(1)", "{x}.t().mul_(2)", "{x}.T.add_({same}.T)",
    "{x}.unbind(0)[0].mul_(2)", "torch.add({x}, 1, out={same})", "torch.mul({same}, 2, out={x})",
    "F.relu({x}, inplace=True)",
    "torch.relu_({x})", "{x}.lerp_({same}, 0.25)", "{x}.addcmul_({same}, {same})", "nn.init.zeros_({x})",
    "nn.init.constant_({x}, 0.5)",
    "{x}.index_add_(0, torch.tensor([0]), {same}[:1] * 1)",
    "{x}.exp_().clamp_(max=4)", "{x}.abs_().add_(1).log_()", "{x}.cumsum_(0)", "{x}.floor_()", "{x}.swapaxes_(0, -1)",
    "{x}.zero_().add_({same})", "{x}.expand(2, *{x}.shape).add_(1)", "{x}.chunk(2)[0].zero_()", "{x}[:, 0] = {x}[:, 1]",
    "{x}.detach_()", "{x}.diagonal().fill_(1.0)", "{x}.narrow(0, 0, 1).copy_({same}[:1])",
    "{x}.masked_scatter_({x} > 0, {same} * 1)",
    "{x}.scatter_(0, torch.zeros_like({x}, dtype=torch.long), 1.0)", "{x}.swap = 1", "F.leaky_relu_({x}, 0.1)",
    "{x}.floor_divide_(2)",
)  # fmt: skip

FLAGS = (
    "{x}.requires_grad_()", "{x}.requires_grad_(False)", "{x}.requires_grad = True", "{x}.requires_grad = False",
    "{x}.detach_()", "{x}.retain_grad()", "{x}.grad = None", "{x}.grad.zero_()", "{x}.grad = torch.ones_like({x})",
    "{x}.grad.detach_()", "{x}.grad = {same}", "{x} = {x}.detach()", "{x} = {x}.requires_grad_()",
    "{x}.data.requires_grad_()",
    "note({x}.requires_grad, {x}.is_leaf)", "note({x}.grad)", "note({x}._version)", "{x}.grad.mul_(2)",
)  # fmt: skip

OUTSIDE = (
    "{x}.numpy()", "{x}.detach().numpy()", "{x}.tolist()", "{x}.item()", "float({x})", "bool({x})", "int({x})",
    "len({x})",
    "{x}.sum().item()", "{x}.shape", "{x}.is_contiguous()", "{x}.untyped_storage().nbytes()", "str({x}.detach())",
    "repr({x})", "{x}.dtype", "{x}.equal({same})", "torch.equal({x}, {same})", "torch.allclose({x}, {same})",
    "{x}.stride()",
    "{x}._base is not None", "{x}.data_ptr() == {same}.data_ptr()", "{x}.grad_fn is {x}.grad_fn",
    "{x}.is_set_to({same})",
    "[each.requires_grad for each in {x}]", "{x}.grad_fn.next_functions", "{x}.output_nr", "torch.is_tensor({x})",
    "{x}.numel()",
    "hash({x}) == hash({x})", "{x} is {x}.contiguous()", "{x} is {x}.detach()", "{x}.element_size()",
    "{x}.storage_offset()",
)  # fmt: skip

MODES = (
    "torch.no_grad()", "torch.enable_grad()", "torch.set_grad_enabled(False)", "torch.set_grad_enabled(True)",
    "torch.inference_mode()", "torch.inference_mode(False)", "torch.inference_mode(mode=True)",
    "torch.autograd.no_grad()",
    "torch.autograd.grad_mode.set_grad_enabled(mode=False)",
    "torch.set_grad_enabled(torch.is_inference_mode_enabled())",
    "torch.set_grad_enabled(not torch.is_grad_enabled())", "contextlib.nullcontext()",
    "torch.autograd.set_grad_enabled({x}.requires_grad)",
    "torch.autograd.enable_grad()", "torch.autograd.inference_mode(not torch.is_inference_mode_enabled())",
    "torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t)", "torch.autograd.graph.save_on_cpu()",
    "torch.autograd.set_detect_anomaly(True)", "torch.autograd.graph.disable_saved_tensors_hooks('no hooks here')",
    "torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach() * 2, lambda t: t / 2)",
    "contextlib.suppress(ValueError)", "torch.autograd.no_grad",
    "torch.autocast('cpu', dtype=torch.bfloat16, enabled=False)", "torch.autograd.set_multithreading_enabled(False)",

)  # fmt: skip

DECORATORS = (
    "torch.no_grad()", "torch.no_grad", "torch.enable_grad()", "torch.enable_grad", "torch.inference_mode()",
    "torch.inference_mode", "torch.inference_mode(False)", "torch.set_grad_enabled(False)",
    "torch.set_grad_enabled(True)",
    "functools.lru_cache", "staticmethod", "torch.inference_mode(mode=False)", "torch.autograd.no_grad()",
)  # fmt: skip

GLOBAL_SWITCHES = (
    "torch.set_grad_enabled(False)", "torch.set_grad_enabled(True)", "torch._C._set_grad_enabled(True)",
    "torch.no_grad()",
    "torch.set_grad_enabled(mode=not torch.is_grad_enabled())", "torch.inference_mode()", "torch.set_grad_enabled(1)",
    "note(torch.is_grad_enabled(), torch.is_inference_mode_enabled())", "torch.set_grad_enabled(None)",
    "torch.no_grad().__enter__()",
    "torch.enable_grad().__enter__()", "torch.inference_mode('yes')",
)  # fmt: skip

BACKWARD = (
    "{x}.sum().backward()", "{x}.backward()", "{x}.sum().backward(retain_graph=True)", "{x}.mean().backward()",
    "{x}.backward(torch.ones_like({x}))", "{x}.backward(gradient={same})",
    "{x}.pow(2).sum().backward(create_graph=True)",
    "{x}.sum().backward(inputs=[{leaf}])", "torch.autograd.backward([{x}.sum(), {y}.sum()])",
    "{x}.sum().backward(inputs={leaf})",
    "torch.autograd.backward({x}.sum(), inputs=[{leaf}, {x}])", "({x} * {same}).sum().backward()",
    "{x}[0].sum().backward()",
    "torch.autograd.backward({x}, torch.ones_like({x}), retain_graph=True)", "{x}.grad.sum().backward()",
    "{x}.backward(retain_graph=True)",
    "{x}.square().sum().backward()", "({x}.sum() + {y}.sum()).backward()", "torch.autograd.backward([{x}], [None])",
    "{x}.sum().backward(create_graph=True)", "{x}.backward(torch.ones(2, 3))", "{x}.detach().sum().backward()",
    "{x}.tanh().sum().backward(retain_graph=True, create_graph=False)", "{x}.sum().backward(inputs=[])",
)  # fmt: skip

GRADS: tuple[Template, ...] = tuple(
    (text, same)
    for text in (
        "torch.autograd.grad({x}.sum(), {leaf})[0]", "torch.autograd.grad({x}.sum(), [{leaf}], create_graph=True)[0]",
        "torch.autograd.grad({x}.pow(2).sum(), {leaf}, retain_graph=True)[0]",
        "torch.autograd.grad({x}, {leaf}, torch.ones_like({x}))[0]",
        "torch.autograd.grad({x}.sum(), {leaf}, allow_unused=True)[0]", "torch.autograd.grad({x}.sum(), {x})[0]",
        "torch.autograd.grad({x}.sum(), {leaf}, materialize_grads=True)[0]",
        "torch.autograd.grad({x}.sin().sum(), {y}, create_graph=True)[0]",
        "torch.autograd.grad([{x}.sum(), {y}.sum()], [{leaf}], allow_unused=True)[0]",
        "torch.autograd.grad({x}, {leaf})[0]",
        "torch.autograd.functional.jacobian(lambda t: t.sin().sum(), {x})",
        "torch.autograd.functional.vjp(lambda t: t * t, {x}, {same})[1]",
        "torch.func.grad(lambda t: t.pow(2).sum())({x})",
        "torch.autograd.functional.hessian(lambda t: t.pow(3).sum(), {x}).sum()",
        "torch.autograd.grad({x}.tanh().sum(), {leaf}, create_graph=True, allow_unused=True)[0]",
        "torch.func.vjp(torch.sin, {x})[0]",
        "torch.utils.checkpoint.checkpoint(lambda t: t.sin() * 2, {x}, use_reentrant=False)",
        "torch.utils.checkpoint.checkpoint(lambda t: t.tanh() * 2, {x}, use_reentrant=True)", "{x}.grad + 0",
        "{x}.grad.clone()",
    )
)  # fmt: skip

HOOKS = (
    "{x}.register_hook(lambda g: g * 2)", "{x}.register_hook(lambda g: None)", "{x}.register_hook(lambda g: note(g))",
    "{x}.register_hook(lambda g: g.detach())", "{x}.register_hook(fail)", "{x}.register_hook(lambda g: 3)",
    "{x}.register_hook(lambda g: note(torch.is_grad_enabled(), g.requires_grad))",
    "{x}.register_hook(lambda g: g.sum())",
    "{x}.register_post_accumulate_grad_hook(lambda t: note(t.grad))", "{x}.register_hook(lambda g: g * 2).remove()",
    "{x}.register_post_accumulate_grad_hook(lambda t: setattr(t, 'grad', None))", "{x}.register_hook(None)",
    "{x}.grad_fn.register_hook(lambda into, out: note(len(into), len(out)))",
    "{x}.grad_fn.register_prehook(lambda gs: note(len(gs)))",
    "{x}.grad_fn.register_hook(lambda into, out: tuple(None if g is None else g * 2 for g in into))",
    "{x}.register_hook(lambda g: g.double())",
    "torch.autograd.graph.register_multi_grad_hook([{x}, {y}], lambda gs: note(len(gs)))",
    "{x}.register_hook(lambda g: g.mul_(2))",
    "torch.autograd.graph.register_multi_grad_hook([{x}, {leaf}], lambda g: note(g), mode='any')",
)  # fmt: skip

# Custom functions: what forward does with `x`, then what backward does with the gradient `g`.
FORWARDS = (
    "ctx.save_for_backward(x)\nreturn x * 2", "ctx.save_for_backward(x)\nreturn x.clone()", "return x",
    "return x.view_as(x)",
    "ctx.mark_dirty(x)\nreturn x.mul_(2)", "y = x * 2\nctx.mark_non_differentiable(y)\nreturn y",
    "ctx.save_for_backward(x)\nreturn x * 2, x + 1",
    "ctx.x = x\nreturn x.detach()", "y = x.exp().clamp(max=4)\nctx.save_for_backward(y)\nreturn y", "return x[0]",
    "x.add_(1)\nreturn x * 2",
    "note(torch.is_grad_enabled(), x.requires_grad, ctx.needs_input_grad)\nreturn x * 2",
    "ctx.set_materialize_grads(False)\nreturn x * 1, x * 3",
    "with torch.enable_grad():\n    y = x * 2\nreturn y", "ctx.save_for_backward(x * 2)\nreturn x + 1",
    "return x.sum()",
    "ctx.mark_dirty(x)\nx.add_(1)\nreturn x",
    "raise ValueError('no forward')", "return x.reshape(-1)",
)  # fmt: skip

BACKWARDS = (
    "return g * 2", "(x,) = ctx.saved_tensors\nreturn g * x", "return None", "return g, None",
    "note(torch.is_grad_enabled(), g.requires_grad)\nreturn g",
    "return g.sum()", "return gs[0]", "raise RuntimeError('no backward')", "return g.double()",
    "return torch.ones(5)", "return g.detach()",
    "with torch.enable_grad():\n    return g * 3", "return 3.0", "return g.expand(2, *g.shape)",
    "note(ctx.needs_input_grad, len(gs))\nreturn g",

    "(x,) = ctx.saved_tensors\nreturn torch.autograd.grad(x.detach().requires_grad_().sin().sum(), x, allow_unused=True)[0]",
)  # fmt: skip
