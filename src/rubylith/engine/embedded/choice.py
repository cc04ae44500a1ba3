"""Fitted weights of the choice among a click's candidates; see `clicks.measure` for the features."""

# Fitted to the highest expected IoU on the open set, 1137 clicks on up to 60 photos of each of eight kinds, 2026-11-20;
# threefold by photo they reach .505 on what they have not seen, .521 on what they have.
ALONE = (
    0.475, 2.03, -0.629, 0.698, -1.22, -0.343, 2.21,
    6.25, -2.51, -1.27, -2.93, 8.95,
    -0.188, -0.0428, 7.33, 2.27, -0.588, 0.845, 1.6, 0.816, -0.391, 0.647,
)  # fmt: skip
# Fitted in the same way by benchmarks/fit_clicks.py, 253 clicks on 64 photos, 2026-11-28, with a network of 87 thousand
# samples that is not the one to ship: .511 threefold by photo, .501 on sets left out. Fit anew with each file.
BESIDE_NETWORK = (
    -1.77, 3.66, -4.6, 0.151, 0, 0, 2.72,
    2.98, 1.52, -4.97, 0, 0,
    0, 0, 11.6, -3.02, 0, 0, 0, 0, 0, -1.65,
    -1.62, -0.65, -2.58, 2.88, -0.22, 13.0, 0.697, -0.721,
)  # fmt: skip
