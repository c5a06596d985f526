"""What programs about Python are made of: templates as in `vocabulary`; `{n}` is a number, `{m}` a module, `{p}` the name of
a part of it, `{o}` an optimizer."""

from __future__ import annotations

from . import vocabulary as words

EASY: tuple[words.Template, ...] = tuple(
    (text, words.same)
    for text in (
        "{x} * 2", "{x} + 1", "{x}.clone()", "{x}.detach()", "{x}.data", "{x}[...]", "{x}.view_as({x})", "{x}.exp()",
        "{x}.to({x}.dtype)", "{x}.requires_grad_()", "{x}.detach().requires_grad_()", "{x}.contiguous()", "{x} - {same}",
        "torch.zeros_like({x})", "{x}.abs()", "{x}.reshape({x}.shape)", "{x}.detach().clone()", "{x} * {same}.detach()",
        "{x} if coin({n}) else {x} * 2", "({x}, {same})[coin({n})]", "{x} if {x}.requires_grad else {same}",
        "(lambda t: t * 2)({x})", "{x} * {same}.sum().item()", "copy.copy({x})", "{x} + 0 * {same}", "F.relu({x})",
        "torch.where({x} > 0, {x}, {same})", "functools.reduce(torch.add, [{x}, {same}])", "[{x}, {same}][-1]",
        "dict(a={x}, b={same})['a']", "next(iter([{x}]))", "torch.stack([{x}, {same}])[0]", "sum([{x}, {same}])",
        "torch.no_grad()(lambda t: t * 2)({x})", "{x}.requires_grad_(False)", "{x}.grad", "{x}.grad * 1", "{x}.T.T",
        "{x}.requires_grad_(coin({n}))", "{x} and {same}", "({x} is None) or {x}", "getattr({x}, 'data')",
    )
)  # fmt: skip

SHAPED: tuple[words.Template, ...] = (
    ("{x}.sum()", words.scalar), ("{x}.mean()", words.scalar), ("({x} * {same}).sum()", words.scalar),
    ("{x}.detach().sum()", words.scalar), ("{x}[0]", words.without_first), ("{x}.flatten()", words.flat),
)  # fmt: skip

CONDITIONS = (
    "coin({n})", "not coin({n})", "{x}.requires_grad", "not {x}.requires_grad", "torch.is_grad_enabled()", "{x}.is_leaf",
    "{x} is not None", "{x} is {y}", "{x}.sum().item() > 0", "len({x}.shape) > 1", "True", "False", "1 > 2", "{x}.grad is None",
    "isinstance({x}, nn.Parameter)", "isinstance({x}, torch.Tensor)", "torch.is_inference_mode_enabled()",
    "coin({n}) and {x}.requires_grad", "coin({n}) or {x}.requires_grad", "{x}.grad_fn is None", "any([{x}.requires_grad])",
    "hasattr({x}, 'grad')", "{x}.shape == {y}.shape", "all(t.requires_grad for t in ({x}, {y}))",
)  # fmt: skip

EASY_WRITES = (
    "{x}.mul_(2)", "{x}.add_({same})", "{x}.zero_()", "{x}[0] = 1.0", "{x} += 1", "{x}.detach_()", "{x}.requires_grad_(False)",
    "{x}.requires_grad_()", "{x}.requires_grad = True", "{x}.requires_grad = False", "{x}.data.mul_(2)", "{x}.copy_({same})",
    "{x}.grad = None", "{x}.data = {x}.data * 2", "{x}.retain_grad()", "{x}.grad = torch.ones_like({x})", "{x}[...] = {same}",
    "{x}.sum().backward()", "{x} = {x}.detach()", "{x} = {x} * 2", "({x} * {same}).sum().backward()", "{x} = {same}",
)  # fmt: skip

LAYERS = (
    "nn.Linear(3, 3)", "nn.Sequential(nn.Linear(3, 3), nn.ReLU())", "nn.Identity()", "nn.LayerNorm(3)", "nn.Dropout(0.0)",
    "nn.Linear(3, 3, bias=False)", "nn.Parameter(torch.ones(3))", "nn.ModuleList([nn.Linear(3, 3), nn.Tanh()])",
    "nn.ModuleDict(dict(a=nn.Linear(3, 3)))", "nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))", "torch.ones(3)",
    "nn.ParameterList([nn.Parameter(torch.ones(3))])", "nn.Parameter(torch.ones(3), requires_grad=False)", "nn.ReLU()",
)  # fmt: skip

USES = {
    "nn.Parameter": "x * self.{p}", "torch.": "x * self.{p}", "nn.ModuleList": "self.{p}[0](x)",
    "nn.ModuleDict": "self.{p}['a'](x)", "nn.ParameterList": "x * self.{p}[0]",
}  # fmt: skip

AFTER_BUILD = (
    "{m}.requires_grad_(False)", "{m}.eval()", "{m}.train()", "{m}.zero_grad()", "{m}.{p}.requires_grad_(False)",
    "for each in {m}.parameters():\n    each.requires_grad = False",
    "for each in {m}.{p}.parameters():\n    each.requires_grad_(False)",
    "for name, each in {m}.named_parameters():\n    if '{p}' in name:\n        each.requires_grad = False",
    "for name, each in {m}.named_parameters():\n    each.requires_grad = name.startswith('{p}')",
    "with torch.no_grad():\n    for each in {m}.parameters():\n        each.mul_(0.5)", "{m} = copy.deepcopy({m})",
    "{m}.load_state_dict({m}.state_dict())", "{m}.scale = {x}", "{m}.flag = coin({n})", "{m}.{p} = nn.Linear(3, 3)",
    "{m}.half = {m}.{p}", "del {m}.{p}", "{m}.double().float()", "{m}.to('cpu')", "{m}.flag = not {m}.flag",
    "{m}.register_forward_hook(lambda mod, args, out: out.detach())", "{m}.register_forward_hook(lambda mod, args, out: None)",
    "{m}.register_forward_pre_hook(lambda mod, args: (args[0] * 1,))", "{m}.forward = lambda x: x.detach()",
    "{m}.{p}.register_forward_hook(lambda mod, args, out: out * 2)", "{m}.apply(lambda mod: mod.requires_grad_(False))",
    "for part in {m}.children():\n    part.requires_grad_(False)", "for part in {m}.modules():\n    part.eval()",
    "{m}.register_buffer('scale', torch.ones(3))", "{m}.register_parameter('scale', nn.Parameter(torch.ones(3)))",
    "{m}.{p}.weight.requires_grad = False", "{m}.{p}.weight = nn.Parameter({m}.{p}.weight * 2)", "setattr({m}, 'scale', {x})",
    "{m}.{p}.weight.data = {m}.{p}.weight.data * 2", "{m}.__dict__['flag'] = True", "nn.init.zeros_({m}.{p}.weight)",
)  # fmt: skip

OPTIMIZERS = (
    "torch.optim.SGD({m}.parameters(), lr=0.1)", "torch.optim.Adam({m}.parameters())",
    "torch.optim.AdamW([each for each in {m}.parameters() if each.requires_grad])",
    "torch.optim.SGD([dict(params={m}.{p}.parameters()), dict(params=[{leaf}], lr=0.5)], lr=0.1)",
    "torch.optim.SGD(list({m}.parameters()) + [{leaf}], lr=0.1, momentum=0.9)", "torch.optim.SGD([{leaf}], lr=0.1)",
    "torch.optim.SGD(filter(lambda each: each.requires_grad, {m}.parameters()), lr=0.1)",
)  # fmt: skip

STEPS = (
    "{o}.zero_grad()", "{o}.step()", "{o}.zero_grad(set_to_none=False)", "loss.backward()",
    "{o}.zero_grad()\nloss.backward()\n{o}.step()",
    "loss.backward()\n{o}.step()\n{o}.zero_grad()", "{o}.step(lambda: loss)", "nn.utils.clip_grad_norm_({m}.parameters(), 1.0)",
    "with torch.no_grad():\n    for each in {m}.parameters():\n        each -= 0.1 * each.grad", "{m}.zero_grad()",
    "for group in {o}.param_groups:\n    for each in group['params']:\n        taken = each.grad",
    "{o}.add_param_group(dict(params=[{x}]))", "loss.backward(retain_graph=True)", "total = loss + 1",
    "total = loss.detach() + 1",
)  # fmt: skip
