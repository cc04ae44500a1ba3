# pyright: basic, reportMissingImports=false
"""SAM's mask decoder, cut in three and rearranged for processors without a GPU. The algebra is exact.

In the original every prompt carries its own copy of the projected picture through each attention. Here

- what layer 0 makes of the picture alone is made once per picture (`Prepare`);
- in later layers the queries of the tokens are brought into the picture's channels, instead of the picture into the
  heads' (q . (W x) = (W'q) . x), and likewise values, which halves the multiplications, as there are few tokens;
- a bias that softmax cancels is dropped, others are folded into the few token rows;
- transposed convolutions of stride 2 are products with a matrix, channels last.

Sources: segment-anything, modeling/transformer.py and mask_decoder.py; sam2, modeling/sam/mask_decoder.py; both as
re-implemented in transformers, whose modules are taken here.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def _split(x: Tensor, heads: int) -> Tensor:
    """(B, N, heads * d) → (B, heads, N, d)."""
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def _join(x: Tensor) -> Tensor:
    """(B, heads, N, d) → (B, N, heads * d)."""
    return x.transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """One of the decoder's attentions, in the three forms it is used in."""

    def __init__(self, source: nn.Module, heads: int) -> None:
        super().__init__()
        self.q, self.k, self.v = source.q_proj, source.k_proj, source.v_proj
        self.out = source.o_proj if hasattr(source, "o_proj") else source.out_proj
        self.heads = heads
        self.width = self.q.out_features // heads
        self.scale = 1 / math.sqrt(self.width)

    def among_tokens(self, query: Tensor, value: Tensor) -> Tensor:
        """Plain self-attention. query, value: (P, T, C)."""
        q, k, v = (_split(p(x), self.heads) for p, x in ((self.q, query), (self.k, query), (self.v, value)))
        weights = torch.softmax(q @ k.transpose(2, 3) * self.scale, -1)
        return self.out(_join(weights @ v))

    def to_projected(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Tokens look at a picture that is already projected. keys: (1, heads, d, hw). values: (1, heads, hw, d)."""
        weights = torch.softmax(_split(self.q(query), self.heads) @ keys * self.scale, -1)
        return self.out(_join(weights @ values))

    def to_picture(self, query: Tensor, placed: Tensor, picture: Tensor) -> Tensor:
        """Tokens look at the picture as it is. placed, picture: (P, hw, C), with and without position."""
        prompts, tokens, channels = query.shape
        weight_k = self.k.weight.view(self.heads, self.width, channels)
        weight_v = self.v.weight.view(self.heads, self.width, channels)
        rows = (_split(self.q(query) * self.scale, self.heads) @ weight_k).reshape(prompts, -1, channels)
        weights = torch.softmax(rows @ placed.transpose(1, 2), -1)  # (P, heads * T, hw)
        seen = (weights @ picture).view(prompts, self.heads, tokens, channels)
        return self.out(_join(seen @ weight_v.transpose(1, 2)) + self.v.bias)

    def from_projected(self, keys: Tensor, token_keys: Tensor, token_values: Tensor) -> Tensor:
        """What the tokens tell each pixel, from projected pixels. keys: (1, heads, hw, d)."""
        scores = keys @ (_split(self.k(token_keys), self.heads) * self.scale).transpose(2, 3)  # (P, heads, hw, T)
        weights = torch.softmax(scores, -1).transpose(1, 2).flatten(2)  # (P, hw, heads * T)
        return weights @ self._told(token_values)

    def from_picture(self, placed: Tensor, token_keys: Tensor, token_values: Tensor) -> Tensor:
        """What the tokens tell each pixel, from pixels as they are. placed: (P, hw, C)."""
        prompts, tokens, channels = token_keys.shape
        k = _split(self.k(token_keys) * self.scale, self.heads)  # (P, heads, T, d)
        rows = (k @ self.q.weight.view(self.heads, self.width, channels)).reshape(prompts, -1, channels)
        constant = (k @ self.q.bias.view(self.heads, self.width, 1)).reshape(prompts, 1, -1)
        scores = placed @ rows.transpose(1, 2) + constant  # (P, hw, heads * T)
        weights = torch.softmax(scores.view(prompts, -1, self.heads, tokens), -1).flatten(2)
        return weights @ self._told(token_values)

    def _told(self, token_values: Tensor) -> Tensor:
        """(P, heads * T, C): the values brought to the picture's channels; weights of a head sum to 1."""
        prompts, _, channels = token_values.shape
        out = self.out.weight.view(channels, self.heads, self.width).permute(1, 2, 0)  # (heads, d, C)
        told = _split(self.v(token_values), self.heads) @ out + self.out.bias / self.heads
        return told.reshape(prompts, -1, channels)


class Layer(nn.Module):
    """One layer of the two-way transformer."""

    def __init__(self, source: nn.Module, heads: int) -> None:
        super().__init__()
        self.source = source
        self.own = Attention(source.self_attn, heads)
        self.look = Attention(source.cross_attn_token_to_image, heads)
        self.tell = Attention(source.cross_attn_image_to_token, heads)

    def look_again(self, queries: Tensor, seen: Tensor) -> Tensor:
        """The rest of the tokens' side once they have seen the picture."""
        queries = self.source.layer_norm2(queries + seen)
        return self.source.layer_norm3(queries + self.source.mlp(queries))

    def told(self, picture: Tensor, news: Tensor) -> Tensor:
        """The rest of the picture's side once it was told."""
        return self.source.layer_norm4(picture + news)


def heads_of(model: nn.Module) -> int:
    """Number of heads of the decoder's attentions."""
    return model.config.mask_decoder_config.num_attention_heads


class Prepare(nn.Module):
    """(image_embeddings (1, C, h, w), mask (1, 1, 4h, 4w), has_mask (1,)) → what is the same for all prompts.

    picture (1, hw, C) with the mask's or no mask's embedding added, and layer 0's projections of it.
    """

    OUTPUTS = ("picture", "keys0", "values0", "queries0")

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.prompt_encoder = model.prompt_encoder
        layer = model.mask_decoder.transformer.layers[0]
        self.layer = Layer(layer, heads_of(model))
        position = model.get_image_wide_positional_embeddings()
        self.register_buffer("position", position.flatten(2).transpose(1, 2).detach().clone())  # (1, hw, C)

    def forward(self, image_embeddings: Tensor, mask: Tensor, has_mask: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        none = self.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        dense = torch.where(has_mask.view(1, 1, 1, 1) > 0, self.prompt_encoder.mask_embed(mask), none)
        picture = (image_embeddings + dense).flatten(2).transpose(1, 2)
        placed = picture + self.position
        look, tell = self.layer.look, self.layer.tell
        keys = _split(look.k(placed), look.heads).transpose(2, 3)
        return picture, keys, _split(look.v(picture), look.heads), _split(tell.q(placed), tell.heads)


class Transformer(nn.Module):
    """(Prepare's outputs, points (P, N, 2), labels (P, N) int64) → the four masks' prospects.

    points: pixels of the square. labels: 1 on the object, 0 beside it, 2 and 3 a box's corners, -1 no point.
    iou (P, 4): predicted. hyper (P, 4, c): each mask as a mixture of channels. told (P, hw, C): the picture after.
    SAM 2 adds presence (P, 1): a logit. SAM-HQ's hyper is (P, 4, 2c): to each mask is added the same finer one.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        decoder = model.mask_decoder
        heads = heads_of(model)
        self.decoder = decoder
        self.layers = nn.ModuleList(Layer(layer, heads) for layer in decoder.transformer.layers)
        self.final = Attention(decoder.transformer.final_attn_token_to_image, heads)
        self.has_presence = hasattr(decoder, "obj_score_token")
        self.is_hq = hasattr(decoder, "hq_token")
        encoder = model.prompt_encoder
        self.side = int(encoder.input_image_size)
        embed = encoder.point_embed
        kinds = embed.weight if isinstance(embed, nn.Embedding) else torch.cat([e.weight for e in embed])
        self.register_buffer("kinds", torch.cat([encoder.not_a_point_embed.weight, kinds]).detach().clone())
        self.register_buffer("gauss", encoder.shared_embedding.positional_embedding.detach().clone())
        position = model.get_image_wide_positional_embeddings()
        self.register_buffer("position", position.flatten(2).transpose(1, 2).detach().clone())
        first = [decoder.obj_score_token.weight] if self.has_presence else []
        output = torch.cat([*first, decoder.iou_token.weight, decoder.mask_tokens.weight, *self._extra_tokens()])
        self.register_buffer("output", output.detach().clone())

    def _extra_tokens(self) -> list[Tensor]:
        return [self.decoder.hq_token.weight] if self.is_hq else []

    def embed(self, points: Tensor, labels: Tensor) -> Tensor:
        """(P, N, C): the prompt encoder's sparse embeddings."""
        coordinates = 2 * ((points + 0.5) / self.side) - 1
        angles = 2 * math.pi * (coordinates @ self.gauss)
        place = torch.cat([torch.sin(angles), torch.cos(angles)], -1)
        return torch.where(labels[..., None] < 0, 0.0, place) + self.kinds[labels + 1]

    def forward(
        self, picture: Tensor, keys0: Tensor, values0: Tensor, queries0: Tensor, *, points: Tensor, labels: Tensor
    ) -> tuple[Tensor, ...]:
        """See the class."""
        sparse = self.embed(points, labels)
        tokens = torch.cat([self.output.expand(sparse.shape[0], -1, -1), sparse], 1)
        queries = tokens
        for index, layer in enumerate(self.layers):
            if index == 0:
                queries = layer.source.layer_norm1(layer.own.among_tokens(queries, queries))
                seen = layer.look.to_projected(queries + tokens, keys0, values0)
            else:
                own = layer.own.among_tokens(queries + tokens, queries)
                queries = layer.source.layer_norm1(queries + own)
                placed = picture + self.position
                seen = layer.look.to_picture(queries + tokens, placed, picture)
            queries = layer.look_again(queries, seen)
            if index == 0:
                news = layer.tell.from_projected(queries0, queries + tokens, queries)
            else:
                news = layer.tell.from_picture(placed, queries + tokens, queries)
            picture = layer.told(picture, news)
        seen = self.final.to_picture(queries + tokens, picture + self.position, picture)
        queries = self.decoder.transformer.layer_norm_final_attn(queries + seen)
        return self.heads(queries, picture)

    def heads(self, queries: Tensor, picture: Tensor) -> tuple[Tensor, ...]:
        """What the output tokens say in the end."""
        start = 1 if self.has_presence else 0
        iou = self.decoder.iou_prediction_head(queries[:, start])
        mlps = self.decoder.output_hypernetworks_mlps
        hyper = torch.stack([mlp(queries[:, start + 1 + index]) for index, mlp in enumerate(mlps)], 1)
        if self.is_hq:
            finer = self.decoder.hq_mask_mlp(queries[:, start + 1 + len(mlps)])[:, None]
            hyper = torch.cat([hyper, finer.expand_as(hyper)], -1)
        presence = (self.decoder.pred_obj_score_head(queries[:, 0]),) if self.has_presence else ()
        return iou, hyper, picture, *presence


class Upscaler(nn.Module):
    """(told (P, hw, C), hyper (P, K, c), valid (2,) int64, offset (1,), fine features) → masks and their measures.

    logits (P, K, 4h, 4w). stability (P, K): areas above offset and above -offset, as a ratio. boxes (P, K, 4) int64:
    cells, half-open, zero if empty. Only the first valid[0] rows and valid[1] columns count, the rest is padding.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        decoder = model.mask_decoder
        self.side = int(model.prompt_encoder.image_embedding_size[0])
        first, second = decoder.upscale_conv1, decoder.upscale_conv2
        self.wide, self.narrow = first.out_channels, second.out_channels
        self.register_buffer("first", first.weight.permute(0, 2, 3, 1).flatten(1).detach().clone())  # (C, 2 * 2 * wide)
        self.register_buffer("second", second.weight.permute(0, 2, 3, 1).flatten(1).detach().clone())
        self.register_buffer("first_bias", first.bias.detach().clone())
        self.register_buffer("second_bias", second.bias.detach().clone())
        self.norm = decoder.upscale_layer_norm
        self.activation = decoder.activation

    def forward(
        self, told: Tensor, hyper: Tensor, valid: Tensor, offset: Tensor, *, fine: Tensor, middle: Tensor
    ) -> tuple[Tensor, ...]:
        """See the class; fine (1, c, 4h, 4w) and middle (1, 2c, 2h, 2w) are SAM 2's."""
        logits = self.masks(told, hyper, fine, middle)
        return logits, *measures(logits, valid, offset)

    def masks(self, told: Tensor, hyper: Tensor, fine: Tensor | None, middle: Tensor | None) -> Tensor:
        """(P, K, 4h, 4w)."""
        upscaled = self.upscale(told, fine, middle)  # (P, h, w, 2, 2, 2, 2, c): y, x, then two halvings of y and x
        mixed = upscaled @ hyper.transpose(1, 2)  # (P, 16 * h * w, K)
        s, k = self.side, hyper.shape[1]
        mixed = mixed.view(-1, s, s, 2, 2, 2, 2, k).permute(0, 7, 1, 3, 5, 2, 4, 6)
        return mixed.reshape(-1, k, 4 * s, 4 * s)

    def upscale(self, told: Tensor, fine: Tensor | None, middle: Tensor | None) -> Tensor:
        """(P, 16 * h * w, c): pixels in the order (y, x, y2, x2, y4, x4), each 2 a halving of the cell before."""
        s = self.side
        x = (told @ self.first).view(-1, s, s, 2, 2, self.wide) + self.first_bias
        if middle is not None:
            x = x + middle.view(1, self.wide, s, 2, s, 2).permute(0, 2, 4, 3, 5, 1)
        x = F.gelu(F.layer_norm(x, (self.wide,), self.norm.weight, self.norm.bias, self.norm.eps))
        y = (x.view(-1, 4 * s * s, self.wide) @ self.second).view(-1, s, s, 2, 2, 2, 2, self.narrow) + self.second_bias
        if fine is not None:
            y = y + fine.view(1, self.narrow, s, 2, 2, s, 2, 2).permute(0, 2, 5, 3, 6, 4, 7, 1)
        return F.gelu(y).view(-1, 16 * s * s, self.narrow)


class PlainUpscaler(Upscaler):
    """The same without fine features: SAM's."""

    def forward(self, told: Tensor, hyper: Tensor, valid: Tensor, offset: Tensor) -> tuple[Tensor, ...]:
        """See Upscaler."""
        logits = self.masks(told, hyper, None, None)
        return logits, *measures(logits, valid, offset)


class FinerUpscaler(Upscaler):
    """SAM-HQ's: the channels, and as many again that are mended with what the encoder saw; hyper has 2c."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.decoder = model.mask_decoder

    def forward(self, told: Tensor, hyper: Tensor, valid: Tensor, offset: Tensor, *, hq: Tensor) -> tuple[Tensor, ...]:
        """See Upscaler; hq (1, c, 4h, 4w) is the encoder's."""
        s, decoder = self.side, self.decoder
        blocks = self.upscale(told, None, None).view(-1, s, s, 2, 2, 2, 2, self.narrow)
        channels = blocks.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(-1, self.narrow, 4 * s, 4 * s)
        mended = decoder.mask_conv2(decoder.activation(decoder.mask_norm(decoder.mask_conv1(channels)))) + hq
        both = torch.cat([channels, mended], 1).flatten(2)  # (P, 2c, 16 * h * w)
        logits = (hyper @ both).view(-1, hyper.shape[1], 4 * s, 4 * s)
        return logits, *measures(logits, valid, offset)


def measures(logits: Tensor, valid: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Stability (P, K) and boxes (P, K, 4) of the valid part of logits (P, K, H, W); see Upscaler."""
    side = logits.shape[-1]
    index = torch.arange(side, device=logits.device)
    rows, columns = index < valid[0], index < valid[1]
    logits = torch.where(rows[:, None] & columns, logits, -1e9)
    firm = (logits > offset).to(torch.float32).sum((2, 3))
    loose = (logits > -offset).to(torch.float32).sum((2, 3))
    stability = firm / loose.clamp(min=1)
    down, across = logits.amax(3) > 0, logits.amax(2) > 0  # (P, K, H) and (P, K, W)
    edges = [_first(across, index, side), _first(down, index, side), _last(across, index), _last(down, index)]
    boxes = torch.stack(edges, -1) * (loose > 0)[..., None] * down.any(-1)[..., None]
    return stability, boxes


def _first(hits: Tensor, index: Tensor, side: int) -> Tensor:
    return torch.where(hits, index, side).amin(-1)


def _last(hits: Tensor, index: Tensor) -> Tensor:
    return torch.where(hits, index + 1, 0).amax(-1)
