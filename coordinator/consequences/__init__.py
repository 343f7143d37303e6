"""What an act on nodes cuts, told before it is done, by the engine that enforces the policy."""

from coordinator.consequences.acts import of_leaving, of_owner, of_tags, of_withdrawal, reached_once_approved
from coordinator.consequences.losses import Consequences, Loss, LostNetwork, MovedNetwork
from coordinator.consequences.words import SESSION_ENDS, damage_words, loss_text, loss_words, network_words, rest_words

__all__ = [
    "SESSION_ENDS",
    "Consequences",
    "Loss",
    "LostNetwork",
    "MovedNetwork",
    "damage_words",
    "loss_text",
    "loss_words",
    "network_words",
    "of_leaving",
    "of_owner",
    "of_tags",
    "of_withdrawal",
    "reached_once_approved",
    "rest_words",
]
