"""The program: tables that both engines run, and its storage."""
