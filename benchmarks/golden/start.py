"""The small architecture, and weights from which it learns in minutes.

Colours pass unchanged from the patches to the masks' channels, where pairs of ridges stand ready to compare them.
Positions are sines of few chosen frequencies, and the tokens' attention starts as a kernel over them: it looks where
the click is, or at the middle of a box, because the mean of two corners' sines points there.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import SamConfig, SamModel

PATCH, WIDTH, HEADS = 4, 96, 4  # pixels of a patch; channels


def configuration(size: int) -> SamConfig:
    """The small architecture; size: of its square in pixels, and of its masks."""
    vision = {
        "hidden_size": WIDTH,
        "output_channels": WIDTH,
        "num_hidden_layers": 4,
        "num_attention_heads": HEADS,
        "image_size": size,
        "patch_size": PATCH,
        "mlp_ratio": 2.0,
        "window_size": 8,
        "global_attn_indexes": [1, 3],
        "num_pos_feats": WIDTH // 2,
        "use_rel_pos": False,
        "initializer_range": 0.02,
    }
    prompt = {"hidden_size": WIDTH, "image_size": size, "patch_size": PATCH, "mask_input_channels": 16}
    decoder = {"hidden_size": WIDTH, "mlp_dim": 256, "num_attention_heads": HEADS, "iou_head_hidden_dim": WIDTH}
    return SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)


def resized(position: Tensor, size: int) -> Tensor:
    """The picture's positions (1, h, w, C) of another square, as those of a square of `size`."""
    side = size // PATCH
    channels_first = position.permute(0, 3, 1, 2)
    return F.interpolate(channels_first, (side, side), mode="bilinear").permute(0, 2, 3, 1)


HALF, QUARTER = WIDTH // 2, WIDTH // 4
PLACES = torch.cat([torch.arange(QUARTER), HALF + torch.arange(QUARTER)])  # channels that say where
COLOURS = torch.cat([QUARTER + torch.arange(QUARTER), HALF + QUARTER + torch.arange(QUARTER)])  # (row, column, colour)


def new_model(size: int) -> SamModel:
    """See the module; transformers' own start is meant to be overwritten by a checkpoint."""
    model = SamModel(configuration(size))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2 and ("embed" in name or "token." in name or "tokens." in name):
                weight.normal_(0, 0.1)
            elif weight.dim() >= 2:
                nn.init.xavier_uniform_(weight)
            elif name.endswith("bias"):
                weight.zero_()
        _set_positions(model)
        _look_where_the_click_is(model)
        _let_colours_through(model)
        _compare_colours(model)
    return model


def _set_positions(model: SamModel) -> None:
    """A quarter of the channels: per head three frequencies for x and three for y; the rest at random."""
    frequencies = torch.randn(2, HALF) * 1.5
    for head in range(HEADS):
        start = head * QUARTER // HEADS
        some = torch.tensor([0.35, 0.7, 1.4] if head < 2 else [0.35, 0.9, 2.2]) * (1 + 0.1 * (head % 2))
        frequencies[:, start : start + 6] = 0
        frequencies[0, start : start + 3] = some
        frequencies[1, start + 3 : start + 6] = some
    for place in (model.shared_image_embedding, model.prompt_encoder.shared_embedding):
        place.positional_embedding.copy_(frequencies)
        place.positional_embedding.requires_grad_(requires_grad=False)
    position = model.get_image_wide_positional_embeddings()[0].permute(1, 2, 0)  # (h, w, C)
    model.vision_encoder.pos_embed.zero_()
    model.vision_encoder.pos_embed[0, ..., PLACES] = position[..., PLACES]


def _look_where_the_click_is(model: SamModel) -> None:
    """Tokens hand the click's place to each other, then look there and take what they see."""
    transformer = model.mask_decoder.transformer
    first, second = transformer.layers
    turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH)).Q
    first.self_attn.v_proj.weight.copy_(turn)
    first.self_attn.out_proj.weight.copy_(turn.T)
    first.self_attn.q_proj.weight.mul_(0.3)
    second.self_attn.out_proj.weight.mul_(0.3)
    pairs = torch.arange(QUARTER).view(HEADS, -1)
    chosen = torch.cat([torch.cat([pairs[head], HALF + pairs[head]]) for head in range(HEADS)])
    for attention in (
        first.cross_attn_token_to_image,
        second.cross_attn_token_to_image,
        transformer.final_attn_token_to_image,
    ):
        for projection in (attention.q_proj, attention.k_proj):
            projection.weight.mul_(0.1)
            projection.weight[torch.arange(HALF), chosen] += 2.7
        seen = torch.linalg.qr(torch.cat([_mean_colours(), torch.randn(WIDTH, HALF - 12)], 1)).Q.T
        attention.v_proj.weight.copy_(seen)
        attention.out_proj.weight.copy_(seen.T)
    for layer in (first, second):
        told = layer.cross_attn_image_to_token
        for projection in (told.q_proj, told.k_proj):
            projection.weight.mul_(0.1)
            projection.weight[torch.arange(HALF), chosen] += 1.7  # what is near a click listens to it
        told.out_proj.weight.zero_()  # nothing to tell yet
        layer.mlp.lin2.weight.mul_(0.3)


def _mean_colours() -> Tensor:
    """(C, 12): the channels that make the mean colour of each quarter of a patch."""
    result = torch.zeros(WIDTH, 2, 2, 3)
    for row in range(4):
        for column in range(4):
            for colour in range(3):
                result[COLOURS[(row * 4 + column) * 3 + colour], row // 2, column // 2, colour] = 1
    return result.flatten(1)


def _let_colours_through(model: SamModel) -> None:
    """Half of the channels begin as the colours of a patch's 4 x 4 pixels."""
    encoder = model.vision_encoder
    patch = encoder.patch_embed.projection
    patch.weight.mul_(0.1)
    for row in range(4):
        for column in range(4):
            for colour in range(3):
                patch.weight[COLOURS[(row * 4 + column) * 3 + colour], colour, row, column] += 1
    for layer in encoder.layers:
        queries, keys, _ = layer.attn.qkv.weight.split(WIDTH)
        keys.copy_(queries)  # like looks at like
        layer.attn.proj.weight.mul_(0.3)
        layer.mlp.lin2.weight.mul_(0.3)
    for convolution in (encoder.neck.conv1, encoder.neck.conv2):
        middle = convolution.kernel_size[0] // 2
        convolution.weight.normal_(0, 0.01)
        convolution.weight[:, :, middle, middle] += torch.eye(WIDTH)


def _compare_colours(model: SamModel) -> None:
    """Pixels' colours reach the masks' channels as pairs of ridges: their difference is linear, their sum a bowl."""
    first, second = model.mask_decoder.upscale_conv1, model.mask_decoder.upscale_conv2
    kept = first.out_channels // 2
    first.weight.normal_(0, 0.03)
    second.weight.normal_(0, 0.03)
    first.bias[:kept], first.bias[kept:] = (
        1.5,
        -1.5,
    )  # so that the norm keeps contrasts and the activation lets all pass
    axes = torch.linalg.qr(torch.randn(3, 3)).Q
    ridges = torch.cat([axes, -axes, F.normalize(torch.randn(second.out_channels - 6, 3), dim=1)])
    second.bias[6:].uniform_(-0.75, 0.75)
    for row in range(4):
        for column in range(4):
            for colour in range(3):
                middle = (row % 2 * 2 + column % 2) * 3 + colour
                first.weight[COLOURS[(row * 4 + column) * 3 + colour], middle, row // 2, column // 2] += 1
                second.weight[middle, :, row % 2, column % 2] += 1.5 * ridges[:, colour]
    for mixture in model.mask_decoder.output_hypernetworks_mlps:
        mixture.proj_out.weight.mul_(0.1)
