"""Targets that come with ohmflow."""
