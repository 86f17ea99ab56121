"""Times the layers of a full-size pi0 in PyTorch, the peer of `midstream policy` on bench/openpi's checkpoint.

usage: python torch_pi0_layers.py [--dtype bfloat16|float32] [--threads N]

One SigLIP layer over an image (256 tokens), one Gemma layer over a prefix of 816 tokens, one of the expert's over 51 tokens with
816 cached ones: the best of several calls each, with random weights, by the library's fused operators. A chunk of actions is
three images of 27 layers, 18 of the prefix and ten steps of 18; embeddings, projections and the loop around are left out, which
is in PyTorch's favour.

Needs torch==2.7.1 from PyPI.
"""
import argparse
import time

import torch
import torch.nn.functional as F

IMAGES, SIGLIP_LAYERS, GEMMA_LAYERS, STEPS = 3, 27, 18, 10
PREFIX, SUFFIX, IMAGE = 816, 51, 256


def best_ms(call, times):
    call()
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        spent.append(time.perf_counter() - begin)
    return 1e3 * min(spent)


class Maker:
    def __init__(self, dtype):
        self.dtype = dtype
        self.random = torch.Generator().manual_seed(0)

    def __call__(self, *shape):
        return (torch.randn(*shape, generator=self.random) * 0.02).to(self.dtype)


def siglip_layer(make, width=1152, heads=16, mlp=4304):
    q, k, v, out = (make(width, width) for _ in range(4))
    up, down = make(mlp, width), make(width, mlp)
    bias, wide_bias, scale = make(width), make(mlp), make(width)

    def layer(x):
        batch, tokens, _ = x.shape
        n = F.layer_norm(x, (width,), scale, bias, 1e-6)
        q_, k_, v_ = (F.linear(n, w, bias).view(batch, tokens, heads, -1).transpose(1, 2) for w in (q, k, v))
        a = F.scaled_dot_product_attention(q_, k_, v_).transpose(1, 2).reshape(batch, tokens, width)
        x = x + F.linear(a, out, bias)
        n = F.layer_norm(x, (width,), scale, bias, 1e-6)
        return x + F.linear(F.gelu(F.linear(n, up, wide_bias), approximate="tanh"), down, bias)

    return layer


def rms_norm(x, scale):
    y = x.float()
    y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-6)
    return (y * (1 + scale.float())).to(x.dtype)


def rotate(x, positions):
    half = x.shape[-1] // 2
    angle = positions[:, None] / 10000 ** (torch.arange(half, dtype=torch.float32) / half)
    cos, sin = torch.cos(angle), torch.sin(angle)
    a, b = x.float().chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


def gemma_layer(make, width, mlp, cached=0, heads=8, head=256):
    q, k, v, out = make(heads * head, width), make(head, width), make(head, width), make(width, heads * head)
    gate, up, down, scale = make(mlp, width), make(mlp, width), make(width, mlp), make(width)
    old_k, old_v = make(1, 1, cached, head), make(1, 1, cached, head)

    def layer(x):
        tokens = x.shape[1]
        positions = torch.arange(cached, cached + tokens, dtype=torch.float32)
        split = lambda y: y.view(1, tokens, -1, head).transpose(1, 2)
        n = rms_norm(x, scale)
        q_ = rotate(split(F.linear(n, q)), positions)
        k_ = torch.cat([old_k, rotate(split(F.linear(n, k)), positions)], 2).expand(-1, heads, -1, -1)
        v_ = torch.cat([old_v, split(F.linear(n, v))], 2).expand(-1, heads, -1, -1)
        a = F.scaled_dot_product_attention(q_, k_, v_).transpose(1, 2).reshape(1, tokens, -1)
        x = x + F.linear(a, out)
        n = rms_norm(x, scale)
        return x + F.linear(F.gelu(F.linear(n, gate), approximate="tanh") * F.linear(n, up), down)

    return layer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    make = Maker(getattr(torch, args.dtype))
    with torch.inference_mode():
        cases = {
            "siglip": (siglip_layer(make), make(1, IMAGE, 1152), 5, IMAGES * SIGLIP_LAYERS),
            "prefix": (gemma_layer(make, 2048, 16384), make(1, PREFIX, 2048), 3, GEMMA_LAYERS),
            "expert": (gemma_layer(make, 1024, 4096, PREFIX), make(1, SUFFIX, 1024), 10, STEPS * GEMMA_LAYERS),
        }
        chunk = 0
        for name, (layer, x, times, count) in cases.items():
            ms = best_ms(lambda: layer(x), times)
            chunk += ms * count
            print(f"{name:8} {ms:8.2f} ms a layer, {count:3} layers {1e-3 * ms * count:6.2f} s")
        print(f"chunk    {1e-3 * chunk:8.2f} s  (torch {torch.__version__}, {args.dtype}, {args.threads} threads)")


if __name__ == "__main__":
    main()
