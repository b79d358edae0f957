"""Situations that a naive matcher gets wrong, each as the smallest record that shows it."""
