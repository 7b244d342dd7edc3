"""Trajectories through a latent space: made, kept, cut and drawn."""
