"""The administration API: what people and their programs may ask of the portal, below /api/v1/admin/."""
