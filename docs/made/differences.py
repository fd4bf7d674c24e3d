"""What differs between two recipes, as a table: `<!-- made: differences ratgan ratgan-released -->`."""

from rat_modules.recipes import diff, load_recipe


def markdown(argument: str) -> str:
    """One line for every switch that differs, as `rat-modules recipes diff A B` says it."""
    before, after = argument.split()
    rows = [f"| switch | `{before}` | `{after}` |", "|---|---|---|"]
    # a recipe that does not state a switch leaves it to the component
    for found in diff(load_recipe(before), load_recipe(after)):
        rows.append(f"| `{found.key}` | {_cell(found.before)} | {_cell(found.after)} |")
    return "\n".join(rows)


def _cell(value: object) -> str:
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
