"""Fitted weights of the choice among a click's candidates; see `clicks.measure` for the features."""

# Fitted to the highest expected IoU on the open set, 1137 clicks on up to 60 photos of each of eight kinds, 2026-11-20;
# threefold by photo they reach .505 on what they have not seen, .521 on what they have.
ALONE = (
    0.475, 2.03, -0.629, 0.698, -1.22, -0.343, 2.21,
    6.25, -2.51, -1.27, -2.93, 8.95,
    -0.188, -0.0428, 7.33, 2.27, -0.588, 0.845, 1.6, 0.816, -0.391, 0.647,
)  # fmt: skip
# Fitted in the same way by benchmarks/fit_clicks.py beside the network in the package, 2026-11-29: threefold by photo
# .585, .590 on the clicks fitted to, .557 on sets left out. Fit anew with each file.
BESIDE_NETWORK = (
    1.15, 0.562, 1.1, -0.116, 0, 0, 3.25,
    -0.00143, -0.619, -2.92, 0, 0,
    0, 0, 10.7, 0.573, 0, 0, 0, 0, 0, -1.69,
    -0.794, -0.884, -2.53, -0.213, -1.63, 10.4, 8.17, -0.768,
)  # fmt: skip
