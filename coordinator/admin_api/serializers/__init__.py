"""The shapes of the administration API, one noun a file. What comes in is checked strictly."""
