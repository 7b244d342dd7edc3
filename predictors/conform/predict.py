"""Give an edit of proxies, and the z-sequences that they show are cut the same way."""

from collections.abc import Iterator

from cog import BaseRunner, Input, Path, streaming

from predictors.conform.edit import Settings, results
from predictors.folder import Folder


class Predictor(BaseRunner):
    """Give an edit of proxies, and the z-sequences that they show are cut the same way."""

    def __init__(self):
        self.folder = Folder()

    @streaming
    def run(
        self,
        timeline: Path = Input(
            description="The edit, saved in a video editor as .otio, .edl (CMX 3600) or .kdenlive (any version)",
        ),
        sequences: Path = Input(
            description="A zip of the z-sequences that it was made with: name.npy, name.json and, for a proxy of the result, the proxy name.mp4 of each; at most 600 MB",
        ),
        gaps: str = Input(
            description="What becomes of frames without a clip. hold: the row before them stays; bridge: a path from that to the row after them; zero: zeros, which a sphere does not have; drop: they are left out",
            choices=["hold", "bridge", "zero", "drop"],
            default="hold",
        ),
        edl_fps: float = Input(
            description="Frames per second of an .edl, which does not tell; other formats do",
            ge=1.0,
            le=1000.0,
            default=25.0,
        ),
        keep_going: bool = Input(
            description="Conform the rest where something cannot be conformed, such as an effect, and tell in the log what is left out; otherwise that is an error",
            default=False,
        ),
    ) -> Iterator[Path]:
        settings = Settings(
            timeline=timeline,
            sequences=sequences,
            gaps=gaps,
            edl_fps=edl_fps,
            keep_going=keep_going,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, folder, self.record_metric)
