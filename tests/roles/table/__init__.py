"""The table. A row names a route as Django's resolver has it, a method, and the capability that it takes."""
