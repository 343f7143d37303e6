"""What the commands of manage.py share: verbs, output, confirmation, times, references and errors."""
