"""The commands. Each reads its question, asks the library, prints the answer and returns the exit code."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import typer

from thalweg.cli import cache, fit, output, predict
from thalweg.cli.arguments import write_point
from thalweg.cli.places import PICTURES, check_place
from thalweg.cli.question import Question, read_question
from thalweg.errors import ArgumentError, ThalwegError

ANSWERED, NOT_CONVERGED, WRONG_USE = 0, 1, 2

UsageError: Any = typer.BadParameter.__mro__[1]  # what typer raises for every wrong option; not named by its API
INTERRUPTED = 130  # what typer returns for Ctrl-C

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Exact derivatives and minima of a formula, and models of a table.",
)

FormulaText = Annotated[str | None, typer.Argument(metavar="FORMULA", help='Such as "100*(y - x^2)^2 + (1 - x)^2".')]
Data = Annotated[
    str | None,
    typer.Option(metavar="FILE.csv", help="Columns of this file become arrays by name; - is standard input."),
]
At = Annotated[list[str] | None, typer.Option(metavar="x=1,y=2", help="The point: a value for every unknown.")]
Start = Annotated[list[str] | None, typer.Option(metavar="x=0,w=[1,2]", help="A first guess for every unknown.")]
SubjectTo = Annotated[
    list[str] | None, typer.Option(metavar='"x + y = 1"', help="A constraint: =, <=, >=, or a range. May be repeated.")
]
Bounds = Annotated[
    list[str] | None, typer.Option(metavar='"0 <= x <= 5"', help="Bounds of an unknown. May be repeated.")
]
Starts = Annotated[int, typer.Option(metavar="N", min=1, help="Search from N points, and list all that is found.")]
Plot = Annotated[str | None, typer.Option(metavar="FILE", help="Draw the run into a file: .png, .svg or .pdf.")]
Method = Annotated[str, typer.Option(metavar="NAME", help="How to search; `--method help` lists the choices.")]
Rate = Annotated[float | None, typer.Option(metavar="RATE", help="A fixed step size for gradient descent.")]
Tol = Annotated[float, typer.Option(help="Converged when the gradient is this small.")]
Iterations = Annotated[int | None, typer.Option(metavar="N", min=1, help="Stop after N iterations.")]
Seconds = Annotated[float | None, typer.Option(metavar="SECONDS", min=0, help="Stop after this time.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON (see docs/command.md).")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the minimiser alone, as --start takes it.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")]


@app.callback(invoke_without_command=True)
def command(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> int:
    if version:
        import thalweg

        print(f"thalweg {thalweg.__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())
    return ANSWERED


def search_command(sense: str) -> Callable[..., int]:
    """`thalweg minimize` and `thalweg maximize`: the same but for the sense."""

    def search(
        formula: FormulaText = None,
        start: Start = None,
        subject_to: SubjectTo = None,
        bounds: Bounds = None,
        data: Data = None,
        method: Method = "auto",
        learning_rate: Rate = None,
        tol: Tol = 1e-8,
        max_iterations: Iterations = None,
        time_limit: Seconds = None,
        starts: Starts = 1,
        plot: Plot = None,
        as_json: Json = False,
        quiet: Quiet = False,
        debug: Debug = False,
    ) -> int:
        if method == "help":
            print(methods_text())
            return ANSWERED
        if plot is not None:
            check_place(plot, "--plot", PICTURES)
        guess = bool(subject_to or bounds or starts > 1)
        question = read_question(formula, data, start, "--start", subject_to, bounds, guess)
        question.needs_one_number()

        from thalweg import optimize

        solution = (optimize.maximize if sense == "maximize" else optimize.minimize)(
            question.at,
            dict(question.point),
            subject_to=question.subject_to,
            bounds=question.bounds,
            method=method,
            starts=starts,
            learning_rate=learning_rate,
            tol=tol,
            max_iterations=max_iterations,
            time_limit=time_limit,
            progress=sys.stderr.isatty() and not (quiet or as_json),
        )
        if as_json:
            answer(question, sense, solution.to_dict())
        else:
            print(write_point(solution.x) if quiet else solution)
        if plot is not None:
            draw(solution, plot)
        return ANSWERED if solution.success else NOT_CONVERGED

    return search


app.command("minimize", help="Find a minimum of a formula, and say what kind of point it is.")(
    search_command("minimize")
)
app.command("maximize", help="Find a maximum of a formula, and say what kind of point it is.")(
    search_command("maximize")
)


def draw(solution: Any, path: str) -> None:
    try:
        solution.plot(path)
    except OSError as error:
        raise ArgumentError(f"--plot: {path} cannot be written: {error.strerror or error}") from None


def methods_text() -> str:
    from thalweg.optimize import METHODS

    lines = {"auto": "picks one of these for the problem, and says why"}
    lines |= {method.name: method.summary for method in METHODS.values()}
    return "\n".join(f"{name:{max(map(len, lines)) + 2}}{line}" for name, line in lines.items())


@app.command()
def diff(
    formula: FormulaText = None,
    at: At = None,
    data: Data = None,
    order: Annotated[int, typer.Option(min=1, max=100, help="1: gradient; 2: Hessian too; more: one unknown.")] = 1,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """The value and the exact derivatives of a formula at a point."""
    question = read_question(formula, data, at, "--at")

    from thalweg.cli.derivatives import derivatives, derivatives_text

    found = derivatives(question, order)
    if as_json:
        answer(question, "diff", found)
    else:
        print(derivatives_text(found))
    return finite(question, found)


@app.command()
def taylor(
    formula: FormulaText = None,
    at: At = None,
    data: Data = None,
    order: Annotated[int, typer.Option(min=0, max=100, help="The degree of the polynomial.")] = 3,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """The Taylor polynomial of a formula about a point."""
    question = read_question(formula, data, at, "--at")

    from thalweg.cli.derivatives import expansion

    polynomial, content = expansion(question, order)
    if as_json:
        answer(question, "taylor", content)
    else:
        print(repr(polynomial))
    return finite(question, content)


@app.command()
def classify(
    formula: FormulaText = None,
    at: At = None,
    subject_to: SubjectTo = None,
    bounds: Bounds = None,
    data: Data = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """What kind of point this is: minimum, maximum, saddle point or not stationary, and why."""
    question = read_question(formula, data, at, "--at", subject_to, bounds)
    question.needs_one_number()

    from thalweg import optimize

    found = optimize.classify(question.at, dict(question.point), question.subject_to, bounds=question.bounds)
    if as_json:
        answer(question, "classify", found.to_dict())
    else:
        print(found)
    return ANSWERED


app.add_typer(cache.app, name="cache")
app.add_typer(fit.app, name="fit")
app.command("predict")(predict.predict)


def finite(question: Question, content: dict[str, Any]) -> int:
    """The exit code of an answer in numbers; where one is not finite or a convention, a complaint says why."""
    from thalweg.cli.derivatives import why_convention, why_not_finite

    why, code = why_not_finite(question, content), NOT_CONVERGED
    if why is None:
        why, code = why_convention(question), ANSWERED
    if why is not None:
        print(f"thalweg: {why}", file=sys.stderr)
    return code


def answer(question: Question, command: str, content: Mapping[str, object]) -> None:
    """An answer as JSON, with the question in it."""
    print(output.json_text({"command": command, "formula": question.formula.text, **content}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 answered, 1 not converged or interrupted, 2 wrong use."""
    given = [readable(a) for a in (sys.argv[1:] if arguments is None else arguments)]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old terminal shows ? for ², and gets its answer
    try:
        code = run(given)
        if sys.stdout is not None:  # None: it was closed before the command began
            sys.stdout.flush()
        return code
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # `thalweg … | head -1`: the reader has gone, nobody is left to tell
            print(f"thalweg: {explained(error)[0]}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_CONVERGED


def readable(argument: str) -> str:
    """Arguments are UTF-8 even where the locale says otherwise (LC_ALL=C), so that λ is λ."""
    try:
        return os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        return argument


def run(arguments: list[str]) -> int:
    debug = "--debug" in arguments  # wherever it stands
    try:
        return invoke([a for a in arguments if a != "--debug"])
    except OSError:
        raise  # of the output: what is read says its own faults
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        message, code = explained(error)
        print(f"thalweg: {message}", file=sys.stderr)
        return code


def invoke(arguments: list[str]) -> int:
    with np.errstate(all="ignore"):  # what is not finite is said in the answer
        code = app(args=[not_an_option(a) for a in arguments], prog_name="thalweg", standalone_mode=False)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return int(code or ANSWERED)


def not_an_option(argument: str) -> str:
    """A formula may start with a minus, `-x^2`: a blank before it keeps it from being read as an option."""
    single = argument.startswith("-") and not argument.startswith("--") and argument not in ("-", "-h")
    return f" {argument}" if single else argument


def explained(error: BaseException) -> tuple[str, int]:
    """What to tell the user of an error, and the exit code."""
    if isinstance(error, ThalwegError):
        return str(error), WRONG_USE
    if isinstance(error, UsageError):
        said = shortened(error.format_message().rstrip("."))
        return f"{said}{'' if said.endswith('?') else '.'} See `thalweg --help`.", WRONG_USE
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return "interrupted", NOT_CONVERGED
    if isinstance(error, OSError):
        return f"the answer cannot be written: {error.strerror or error}", NOT_CONVERGED
    if isinstance(error, MemoryError):
        return "the memory of this computer does not suffice for this", NOT_CONVERGED
    fault = f"{type(error).__name__}: {error}".strip()
    return f"{fault}\nThis is a fault of thalweg; --debug shows where it arose.", NOT_CONVERGED


def shortened(text: str) -> str:
    """What was typed is repeated in complaints, but not without bound."""
    return text if len(text) <= 300 else f"{text[:200]} … {text[-80:]}"
