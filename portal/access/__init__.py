"""The pages about who may reach whom: the rules' editor, and the tabs that all of these pages share."""
