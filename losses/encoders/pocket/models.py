"""The two networks of the pocket model: the encoder of pictures and the prior, a denoiser of
small pictures."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .text import DIM

PICTURE_SIZE = 48  # side of the prior's pictures in pixels
PATCH = 3  # side of the blocks that it sees them in: a grid of 16 x 16
ENCODER_SIZE = 64  # side of the encoder's pictures in pixels

# Standard deviation of the pictures' values in [-1, 1], as in Karras et al. 2022, table 1.
SIGMA_DATA = 0.5


class Residual(nn.Module):
    """Two 3 x 3 convolutions added to their input, the second scaled and shifted by the condition
    if there is one."""

    def __init__(self, inputs: int, outputs: int, condition: int = 0):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(8, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.film = nn.Linear(condition, 2 * outputs) if condition else None
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if self.film is not None:
            scale, shift = self.film(condition)[:, :, None, None].chunk(2, 1)
            h = h * (1 + scale) + shift
        return self.skip(x) + self.conv2(F.silu(h))


class Attention(nn.Module):
    """Self-attention between all places of a small feature map (Vaswani et al. 2017), heads of 64
    channels."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm, self.qkv = nn.GroupNorm(8, channels), nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        n, c, height, width = x.shape
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).view(n, height * width, 3, c // 64, 64).permute(2, 0, 3, 1, 4)
        mixed = (
            F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, height * width, c)
        )
        return x + self.out(mixed).transpose(1, 2).reshape(n, c, height, width)


class Encoder(nn.Module):
    """Pictures `[n, 3, 64, 64]`, normalised -> unit vectors `[n, DIM]` in the space of the text
    tower."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 48, 4, 2, 1), nn.SiLU(), nn.Conv2d(48, 96, 4, 2, 1)
        )  # to 16 x 16
        self.body = nn.Sequential(
            Residual(96, 96), nn.Conv2d(96, 160, 2, 2),  # to 8 x 8
            Residual(160, 160), nn.Conv2d(160, 192, 2, 2),  # to 4 x 4
            Residual(192, 192), nn.GroupNorm(8, 192), nn.SiLU(),
        )  # fmt: skip
        self.head = nn.Linear(192, DIM)

    def forward(self, x: Tensor) -> Tensor:
        return self.vectors(self.stages(x)[-1])

    def stages(self, x: Tensor) -> list[Tensor]:
        """What is seen at 32 x 32, 16 x 16, 8 x 8 and 4 x 4 places: `[n, channels, rows,
        columns]`."""
        edges = self.stem[:2](x)
        fine = self.body[0](self.stem[2](edges))
        middle = self.body[1:3](fine)
        return [edges, fine, middle, self.body[3:](middle)]

    def vectors(self, last: Tensor) -> Tensor:
        """Unit vectors from the last stage."""
        return F.normalize(self.head(last.mean((2, 3))).float(), dim=1)


class Prior(nn.Module):
    """A text-conditioned denoiser: a U-Net of two scales on blocks of 3 x 3 pixels, conditioned
    by scale and shift.

    Preconditioning of Karras et al. 2022 ("Elucidating the Design Space of Diffusion-Based
    Generative Models"), table 1 and section 5; conditioning by Perez et al. 2018 (FiLM); guidance
    needs `null`, the vector of no prompt (Ho and Salimans 2022).
    """

    def __init__(self, fine: int = 96, coarse: int = 192, condition: int = 256):
        super().__init__()
        self.null = nn.Parameter(torch.zeros(DIM))
        self.register_buffer(
            "frequencies", torch.exp(torch.linspace(-1.0, 4.0, 32))
        )  # of log sigma / 4, in radians
        self.from_sigma = nn.Sequential(
            nn.Linear(64, condition), nn.SiLU(), nn.Linear(condition, condition)
        )
        self.from_text = nn.Linear(DIM, condition)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(condition, condition), nn.SiLU())
        self.inlet = nn.Conv2d(3 * PATCH**2, fine, 3, padding=1)
        self.down = Residual(fine, fine, condition)
        self.shrink = nn.Conv2d(fine, coarse, 2, 2)
        self.middle = nn.ModuleList(Residual(coarse, coarse, condition) for _ in range(3))
        self.attention = Attention(coarse)
        self.grow = nn.Conv2d(coarse, 4 * fine, 1)
        self.up = Residual(2 * fine, fine, condition)
        self.outlet = nn.Sequential(
            nn.GroupNorm(8, fine), nn.SiLU(), nn.Conv2d(fine, 3 * PATCH**2, 3, padding=1)
        )
        # Scale and shift are the same everywhere; where things go, the prompt says by a rough
        # layout of 16 channels on the coarse 8 x 8 grid.
        self.sketch, self.layout = nn.Linear(condition, 16 * 64), nn.Conv2d(16, coarse, 1)
        nn.init.zeros_(self.outlet[2].weight)
        nn.init.zeros_(self.layout.weight)

    def forward(self, pictures: Tensor, sigma: Tensor, text: Tensor) -> Tensor:
        """Clean estimate of `pictures` `[n, 3, 48, 48]` that carry noise of deviation `sigma`
        `[n]`; text `[n, DIM]`."""
        level = sigma.float()[:, None, None, None]
        total = (level**2 + SIGMA_DATA**2).sqrt()
        output = self.network(pictures / total, sigma.float().log() / 4, text).float()
        return pictures * (SIGMA_DATA / total) ** 2 + output * level * SIGMA_DATA / total

    def network(self, x: Tensor, log_sigma: Tensor, text: Tensor) -> Tensor:
        """The raw network F of Karras et al.: input and output of unit variance, `log_sigma` is
        c_noise."""
        angles = log_sigma[:, None] * self.frequencies
        # Unit vectors have components of about 1/16; times 16 they are of unit size like
        # everything else.
        condition = self.mix(
            self.from_sigma(torch.cat([angles.cos(), angles.sin()], 1)) + self.from_text(16 * text)
        )
        fine = self.down(self.inlet(F.pixel_unshuffle(x, PATCH)), condition)
        h = self.shrink(fine) + self.layout(self.sketch(condition).view(-1, 16, 8, 8))
        h = self.middle[0](h, condition)
        h = self.middle[2](self.middle[1](self.attention(h), condition), condition)
        h = self.up(torch.cat([F.pixel_shuffle(self.grow(h), 2), fine], 1), condition)
        return F.pixel_shuffle(self.outlet(h), PATCH)
