"""Real tables: three that scikit-learn brings along, and five of the UCI repository in COURSE_DATA.

    from course_utils.datasets import tables

    cancer = tables.load("breast_cancer", seed=0)
    cancer.x_train, cancer.y_train, cancer.feature_names, cancer.class_names
    model.fit(cancer.z_train, cancer.y_train)      # z: standardised with the training rows' figures
    cancer.standardised(rows), cancer.original(rows)

| name            | rows  | features | target                                             | needs        |
|-----------------|-------|----------|----------------------------------------------------|--------------|
| `breast_cancer` |   569 | 30       | malignant or benign                                | nothing      |
| `wine`          |   178 | 13       | one of three growers                               | nothing      |
| `diabetes`      |   442 | 10       | progression after one year                         | nothing      |
| `concrete`      | 1,030 |  8       | compressive strength (Yeh 1998)                    | COURSE_DATA  |
| `energy`        |   768 |  8       | heating load of a building (Tsanas and Xifara 2012)| COURSE_DATA  |
| `power`         | 9,568 |  4       | output of a power plant (Tüfekci 2014)             | COURSE_DATA  |
| `wine_red`      | 1,599 | 11       | quality of a red wine (Cortez et al. 2009)         | COURSE_DATA  |
| `yacht`         |   308 |  6       | residuary resistance (Gerritsma et al. 1981)       | COURSE_DATA  |
"""

import gzip
from dataclasses import dataclass

import numpy as np

from ..settings import data_dir
from .arguments import one_of, share, whole

BUNDLED = ("breast_cancer", "wine", "diabetes")
UCI = {
    "concrete": (
        ("cement (kg/m³)", "blast furnace slag (kg/m³)", "fly ash (kg/m³)", "water (kg/m³)", "superplasticiser (kg/m³)",
         "coarse aggregate (kg/m³)", "fine aggregate (kg/m³)", "age (days)"),
        "compressive strength (MPa)",
    ),
    "energy": (
        ("relative compactness", "surface area (m²)", "wall area (m²)", "roof area (m²)", "height (m)", "orientation",
         "glazing area (share of the floor)", "glazing distribution"),
        "heating load (kWh/m²)",
    ),
    "power": (("temperature (°C)", "exhaust vacuum (cm Hg)", "pressure (mbar)", "relative humidity (%)"), "output (MW)"),
    "wine_red": (
        ("fixed acidity (g/l)", "volatile acidity (g/l)", "citric acid (g/l)", "residual sugar (g/l)", "chlorides (g/l)",
         "free sulphur dioxide (mg/l)", "total sulphur dioxide (mg/l)", "density (g/cm³)", "pH", "sulphates (g/l)", "alcohol (% vol)"),
        "quality (0 to 10)",
    ),
    "yacht": (
        ("centre of buoyancy", "prismatic coefficient", "length-displacement ratio", "beam-draught ratio", "length-beam ratio", "Froude number"),
        "residuary resistance",
    ),
}  # fmt: skip
NAMES = BUNDLED + tuple(UCI)


@dataclass(frozen=True)
class Table:
    """A table, split into rows to train on and rows to test on.

    name             str
    x_train, x_test  float64 (n, features), in the units of the source
    y_train, y_test  (n,): int64, index into class_names; float64 where the target is a number
    feature_names    tuple of str
    target_name      str
    class_names      tuple of str; () where the target is a number
    mean, scale      float64 (features,): mean and standard deviation of the training rows
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    feature_names: tuple
    target_name: str
    class_names: tuple
    mean: np.ndarray
    scale: np.ndarray

    @property
    def z_train(self):
        """The training rows, standardised."""
        return self.standardised(self.x_train)

    @property
    def z_test(self):
        """The test rows, standardised with the figures of the training rows."""
        return self.standardised(self.x_test)

    def standardised(self, x):
        """Rows in the units of the source (..., features) to standard deviations from the mean."""
        return (np.asarray(x, float) - self.mean) / self.scale

    def original(self, z):
        """Back from standard deviations to the units of the source."""
        return np.asarray(z, float) * self.scale + self.mean


def load(name, seed=0, test_share=0.25):
    """A real table, split by seed.

    Parameters
    ----------
    name : str
        One of NAMES.
    seed : int
        Chooses which rows are test rows; classes keep their shares in both parts.
    test_share : float
        From 0.05 to 0.95.

    Returns
    -------
    Table

    Raises
    ------
    RealDataMissing
        In one sentence, for a table of the UCI repository where COURSE_DATA does not hold it.
    ValueError
        In one sentence, for anything else.

    Examples
    --------
    >>> from course_utils.datasets import tables
    >>> wine = tables.load("wine", seed=1)
    >>> wine.x_train.shape, wine.x_test.shape, wine.feature_names[0]
    ((133, 13), (45, 13), 'alcohol')
    """
    from sklearn.model_selection import train_test_split

    one_of("name", name, NAMES)
    seed, test_share = whole("seed", seed), share("test_share", test_share, 0.05, 0.95)
    x, y, features, target, classes = _bundled(name) if name in BUNDLED else _uci(name)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=test_share, random_state=seed % 2**32, stratify=y if classes else None)
    scale = x_train.std(axis=0)
    return Table(
        name, x_train, y_train, x_test, y_test, features, target, classes,
        mean=x_train.mean(axis=0), scale=np.where(scale > 0, scale, 1.0),
    )  # fmt: skip


def _bundled(name):
    from sklearn import datasets

    if name == "diabetes":
        source = datasets.load_diabetes(scaled=False)
        names = {"s1": "total cholesterol", "s2": "low-density lipoproteins", "s3": "high-density lipoproteins",
                 "s4": "cholesterol ratio", "s5": "log triglycerides", "s6": "blood sugar", "bp": "blood pressure", "bmi": "body mass index"}  # fmt: skip
        features = tuple(names.get(feature, feature) for feature in source.feature_names)
        return source.data, source.target.astype(float), features, "progression after one year", ()
    source = {"breast_cancer": datasets.load_breast_cancer, "wine": datasets.load_wine}[name]()
    classes = tuple(map(str, source.target_names))
    if name == "wine":
        classes = tuple(f"grower {number}" for number in (1, 2, 3))
    features = tuple(str(feature).replace("_", " ") for feature in source.feature_names)
    return source.data, source.target.astype(np.int64), features, "diagnosis" if name == "breast_cancer" else "grower", classes


def _uci(name):
    from .real import RealDataMissing

    path = None if data_dir() is None else data_dir() / "tables" / f"{name}.txt.gz"
    if path is None or not path.is_file():
        raise RealDataMissing(f"The table {name} is not here: start the course with the folder that holds tables/{name}.txt.gz,  COURSE_DATA=FOLDER python3 course.py lab,  or go on with {', '.join(BUNDLED)}.")
    features, target = UCI[name]
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = np.loadtxt(lines, ndmin=2)
    if rows.shape[1] != len(features) + 1:
        raise ValueError(f"tables/{name}.txt.gz has {rows.shape[1]} columns, but {len(features) + 1} are expected; get the file again.")
    return rows[:, :-1], rows[:, -1], features, target, ()
