"""The Hugging Face hub: how long it is waited for, what is fetched, and what a failure means."""
