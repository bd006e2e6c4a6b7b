"""Under a heat map that leaves rows free: the cosines of one emotion with the others, in order.

In: the set on screen and the emotion looked at. Out: how the column is divided. Sorts what the
atlas holds and computes nothing.
"""

from emotui.panes.vectors_lens import VectorsLens
from emotui.sanitize import one_line
from emotui.widgets.heat_map import HeatMap
from emotui.widgets.rank_list import RankList

NEAR_LEAST = 10
"""Rows that must be left under the heat map."""


class VectorsNear(VectorsLens):
    """Base of the Vectors pane, with a HeatMap and a RankList #vectors-near in #vectors-heat."""

    def on_resize(self) -> None:
        """The heat map's column is divided anew."""
        self.call_after_refresh(self.fit_heat)
        self.call_after_refresh(self.show_lens)

    def fit_heat(self) -> None:
        """The map has the rows it needs and the ranking the rest, or the map has them all."""
        heat, near = self.query_one(HeatMap), self.query_one("#vectors-near", RankList)
        rows = heat.rows_needed
        note = self.query_one("#vectors-heat-note").size.height
        left = self.query_one("#vectors-heat").size.height - rows - note
        near.display = rows > 0 and left >= NEAR_LEAST
        heat.styles.height = rows if near.display else "1fr"
        self.show_near()

    def show_near(self) -> None:
        """The emotion looked at, and the others from the nearest to the farthest."""
        atlas, near = self._atlas, self.query_one("#vectors-near", RankList)
        if atlas is None or not near.display:
            return
        emotion = self.emotion
        labels = [row.label for row in atlas.rows]
        cosines = atlas.cosines[labels.index(emotion)]
        pairs = sorted(zip(cosines, labels, strict=True), key=lambda pair: -pair[0])
        others = [(one_line(label), float(cosine), None) for cosine, label in pairs]
        others.pop(next(i for i, pair in enumerate(pairs) if pair[1] == emotion))
        near.show(f"cosine with {one_line(emotion)}, layer {atlas.layer}", others, scale=1.0)
