"""The pages about the policy as a whole: its tests, its file, its history, and policies on trial."""
