"""Training of `losses/encoders/pocket`: pictures of everyday things, a text tower, an encoder and
a prior.

`python -m scripts.train_pocket --help` lists the stages; `MODEL_CARD.md` beside the weights says
what came of them.
"""
