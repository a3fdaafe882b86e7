"""What the lint refuses: sources that break one rule each, and copies that give a solution away."""
import pytest
from toy_lab import EXERCISES, SOURCE, put_toy

from course_utils.authoring.leaks import leaks
from course_utils.authoring.lint import lint
from course_utils.authoring.sources import read_source
from course_utils.authoring.student import student_copy, with_nbgrader

CARD = "# ### Exercise 00.1 · Root mean square\n"
REFUSED = {
    "misspelt begin": ("### BEGIN SOLUTION\n    squares", "### BEGIN SOLUTON\n    squares", "did you mean '### BEGIN SOLUTION'"),
    "marker in small letters": ("### BEGIN SOLUTION\n    squares", "### Begin solution\n    squares", "is not a marker"),
    "marker with two signs": ("### END SOLUTION\n\n\n# %% tags=[\"check\"] label=\"00.1", "## END SOLUTION\n\n\n# %% tags=[\"check\"] label=\"00.1", "did you mean '### END SOLUTION'"),
    "marker behind code": ("    squares = np.square(values)", "    squares = np.square(values)  ### END SOLUTION", "on a line of its own"),
    "no end": ("    ### END SOLUTION\n\n\n# %% tags=[\"check\"] label=\"00.1", "\n\n# %% tags=[\"check\"] label=\"00.1", "has no '### END SOLUTION' after it"),
    "two begins": ("    squares = np.square(values)", "    ### BEGIN SOLUTION\n    squares = np.square(values)", "has no partner"),
    "no marker": ("    ### BEGIN SOLUTION\n    squares = np.square(values)\n    return float(np.sqrt(np.sum(squares) / len(squares)))\n    ### END SOLUTION",
                  "    return 1.0", "has no '### BEGIN SOLUTION'"),
    "marker before the docstring": ('    """Root of the mean', '    ### BEGIN SOLUTION\n    ### END SOLUTION\n    """Root of the mean', "below its docstring"),
    "marker in another cell": ("values = np.array([3.0", "### BEGIN SOLUTION\n### END SOLUTION\nvalues = np.array([3.0", "not tagged 'exercise'"),
    "misspelt hidden tests": ("values = np.array([3.0", "### BEGIN HIDEN TESTS\nvalues = np.array([3.0", "did you mean '### BEGIN HIDDEN TESTS'"),
    "hidden tests": ("values = np.array([3.0", "### BEGIN HIDDEN TESTS\nvalues = np.array([3.0", "has no use here"),
    "misspelt mark scheme": ("# A lab of a few seconds", "# ### BEGIN MARK SCEME\n# A lab of a few seconds", "did you mean '### BEGIN MARK SCHEME'"),
    "two functions": ("def root_mean_square(values):", "def square(x):\n    return x * x\n\n\ndef root_mean_square(values):", "the one function `root_mean_square` and nothing else"),
    "statement beside the function": ("def root_mean_square(values):", "factor = 2\n\n\ndef root_mean_square(values):", "nothing else"),
    "other name": ("def root_mean_square(values):", "def rms(values):", "defines `rms`, but the declaration names `root_mean_square`"),
    "no docstring": ('    """Root of the mean of the squares.\n\n    Parameters\n    ----------\n    values : ndarray, shape (n,)\n\n    Returns\n    -------\n    float\n    """\n', "", "has no docstring"),
    "no Python": ("    squares = np.square(values)", "    squares = = np.square(values)", "this is no Python"),
    "points differ": ("# *2 points ·", "# *3 points ·", "the card and the declaration differ"),
    "title differs": (CARD, "# ### Exercise 00.1 · Root square mean\n", "the card and the declaration differ"),
    "empty card": ("# Write `moving_average`; only windows that lie inside count.\n", "#\n", "does not say what to do"),
    "no card": ('tags=["card"] label="00.1-card"', "", "no cell here is its card"),
    "no check": ('# %% tags=["check"] label="00.1-check"', "# %%", "no cell here is its check"),
    "check with more in it": ('root_mean_square = check("00.1", root_mean_square)', 'root_mean_square = check("00.1", root_mean_square); x = 1', "exactly one line"),
    "check of another": ('check("00.1", root_mean_square)', 'check("00.2", root_mean_square)', "exactly one line"),
    "undeclared exercise": ('label="00.2"', 'label="00.3"', "there is no exercise '00.3'"),
    "clashing labels": ('label="00.2"', 'label="00.1"', "2 cells have the label 00.1"),
    "clashing ids": ('# %% tags=["solution"]', '# %% tags=["solution"] label="ex-00-1"', "makes the same cell id"),
    "label of odd letters": ('# %% tags=["solution"]', '# %% tags=["solution"] label="saliency, µ"', "has other characters than"),
    "exercise without a label": ('tags=["exercise"] label="00.1"', 'tags=["exercise"]', "needs a label such as"),
    "misspelt tag": ('tags=["instructor"]', 'tags=["instuctor"]', "did you mean 'instructor'?"),
    "exercise in markdown": ('# %% tags=["check"] label="00.1-check"', '# %% [markdown] tags=["check"] label="00.1-check"', "holds code"),
    "target of nothing": ('target="00.2"', 'target="00.7"', 'names its exercise, such as target="00.1"'),
    "cell between": ('# %% tags=["check"] label="00.1-check"', '# %%\nx = 1\n\n# %% tags=["check"] label="00.1-check"', "the check directly below it"),
}


@pytest.mark.parametrize("old, new, said", REFUSED.values(), ids=REFUSED)
def test_lint_refuses(tmp_path, old, new, said):
    assert old in SOURCE
    lab = put_toy(tmp_path, SOURCE.replace(old, new, 1))
    sentences = lint(lab, read_source(lab).cells, EXERCISES)
    fitting = [sentence for sentence in sentences if said in sentence]
    assert fitting, sentences
    assert all(sentence.startswith("solutions/00_toy.py") for sentence in sentences)


def test_lint_refuses_another_order(tmp_path):
    lab = put_toy(tmp_path)
    sentences = lint(lab, read_source(lab).cells, EXERCISES[::-1])
    assert any("in the order in which they are declared" in sentence for sentence in sentences)


def test_lint_accepts_the_toy_and_names_exercises_that_the_source_lacks(tmp_path):
    lab = put_toy(tmp_path)
    assert lint(lab, read_source(lab).cells, EXERCISES) == []
    text = SOURCE[: SOURCE.index("# %% [markdown] tags=[\"card\"] label=\"00.2-card\"")]
    sentences = lint(put_toy(tmp_path, text), read_source(lab).cells, EXERCISES)
    assert len(sentences) == 3 and all("lab00.py declares 00.2, and no cell here is its" in sentence for sentence in sentences)


LEAKS = {
    "line in a code cell": ("values = np.array([3.0", "x = float(np.sqrt(np.sum(squares)/len(squares)))\nvalues = np.array([3.0", "the code gives away"),
    "line in the text": ("# A lab of a few seconds", "# Take `float(np.sqrt(np.sum(squares) / len(squares)))`. A lab of", "the text gives away"),
    "code block in the text": ("# A lab of a few seconds", "# ```python\n# np.convolve(values, np.full(width, 1.0 / width),\n#             mode=\"valid\")\n# ```\n# A lab of", "solution of 00.2"),
    "line in a docstring": ('"""The same noise, smoothed over windows of the given width."""', '"""As np.convolve(values, np.full(width, 1.0 / width), mode="valid") does."""', "solution of 00.2"),
}


def leaks_of(lab):
    notebook = with_nbgrader(read_source(lab), {exercise.id: exercise for exercise in EXERCISES})
    for cell in notebook.cells:
        if "target" in cell.metadata:
            cell.metadata.tags.remove("target")  # it has no figure: nothing was executed
    return leaks(lab, notebook.cells, student_copy(notebook, "the source").cells)


@pytest.mark.parametrize("old, new, said", LEAKS.values(), ids=LEAKS)
def test_leaks_are_found(tmp_path, old, new, said):
    assert old in SOURCE
    lab = put_toy(tmp_path, SOURCE.replace(old, new, 1))
    sentences = leaks_of(lab)
    assert len(sentences) == 1 and said in sentences[0]


def test_what_is_shown_on_purpose_or_tells_nothing_is_no_leak(tmp_path):
    text = SOURCE.replace("values = np.array([3.0", "squares = np.square(values)\nvalues = np.array([3.0", 1)
    assert leaks_of(put_toy(tmp_path, text)) == []
    old, _, _ = LEAKS["line in a code cell"]
    text = SOURCE.replace(old, LEAKS["line in a code cell"][1], 1).replace("len(squares)))\n    ###", "len(squares)))  # shown\n    ###", 1)
    assert "# shown" in text and leaks_of(put_toy(tmp_path, text)) == []
