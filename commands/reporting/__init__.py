"""The page of `traces report`: facts and columns read from the workspace, drawn as SVG, laid out by templates."""
