"""Web pages of the labs and of `course_utils`, for reading from a folder: no network, no server.

| module      | holds                                                        |
|-------------|--------------------------------------------------------------|
| `build`     | `build_site`: sources of the pages, then Sphinx over them    |
| `lessons`   | a lab's notebook as the source of its page                   |
| `front`     | the front page, from README.md                               |
| `reference` | the pages of `course_utils`, from its docstrings             |
| `excerpts`  | the text of every section, for the results of the search     |
| `look`      | settings of Sphinx, of its theme and of MathJax              |
| `binder`    | the address that opens a notebook on Binder                  |
"""
