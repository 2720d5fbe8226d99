"""Four years of weather in Seattle, looked at week by week.

The data set is `seattle-weather` of the PyPI package `vega_datasets`: one line a day, 2012 to 2015, of
precipitation (mm), temperatures (°C), wind (m/s) and what the day was like.  Source: NOAA.
"""

import csv
import random
from datetime import date
from functools import cache
from importlib.resources import files
from statistics import mean, quantiles

from pydantic import BaseModel

from perdure import Retry, ctx, logger, metadata, queue, task

station = queue("station", concurrency_limit=8)


class Day(BaseModel):
    """One line of the data set."""

    date: date
    precipitation: float
    temp_max: float
    temp_min: float
    wind: float
    weather: str


class Week(BaseModel):
    """A week in numbers."""

    year: int
    week: int
    days: int
    rain_mm: float
    warmest: float
    coldest: float
    mostly: str


class Warming(BaseModel):
    """How the summers of two years compare, with how sure that is."""

    earlier: int
    later: int
    degrees: float
    low: float
    high: float


class StationOffline(Exception):
    """The station did not answer."""


@cache
def read_days() -> list[Day]:
    """Return every day of the data set."""
    source = files("vega_datasets").joinpath("_data", "seattle-weather.csv")
    with source.open(encoding="utf-8") as lines:
        return [
            Day(**{**row, "date": row["date"].replace("/", "-")})  # type: ignore[arg-type]
            for row in csv.DictReader(lines)
        ]


@task(id="summarize-week", queue=station, isolation="shared")
async def summarize_week(year: int, week: int) -> Week:
    """Sum up one week; async, many at once in one process."""
    days = [day for day in read_days() if day.date.isocalendar()[:2] == (year, week)]
    kinds = [day.weather for day in days]
    return Week(
        year=year,
        week=week,
        days=len(days),
        rain_mm=round(sum(day.precipitation for day in days), 1),
        warmest=max(day.temp_max for day in days),
        coldest=min(day.temp_min for day in days),
        mostly=max(set(kinds), key=kinds.count),
    )


@task(id="sum-up-years")
async def sum_up_years(first: int, last: int) -> list[Week]:
    """Sum up every week of some years: one batch of runs, waited for without holding anything."""
    weeks = sorted({day.date.isocalendar()[:2] for day in read_days()})
    results = await summarize_week.options(tags=list(ctx.run.tags)).batch_trigger_and_wait(
        {"year": year, "week": week} for year, week in weeks if first <= year <= last
    )
    return results.unwrap()


@task(id="check-station", retry=Retry(max_attempts=3, min_timeout=0.2, max_timeout=1))
async def check_station(month: date) -> str:
    """Read a month from a station that is offline at first every winter; the retry finds it awake."""
    if month.month in (12, 1) and ctx.attempt.number == 1:
        raise StationOffline(f"no answer for {month:%B %Y}")
    days = [day for day in read_days() if (day.date.year, day.date.month) == (month.year, month.month)]
    logger.info("read", month=f"{month:%Y-%m}", days=len(days), attempt=ctx.attempt.number)
    return f"{month:%Y-%m}: {len(days)} days"


@task(id="compare-summers", max_duration="2m")
def compare_summers(earlier: int, later: int, draws: int = 4000) -> Warming:
    """Compare two summers by bootstrap; a plain function that keeps a processor busy."""
    dice = random.Random(earlier * 10_000 + later)
    before, after = summer(earlier), summer(later)
    differences = []
    for draw in range(draws):
        differences.append(mean(dice.choices(after, k=92)) - mean(dice.choices(before, k=92)))
        if draw % 500 == 0:
            metadata.set("progress", draw / draws)
    cuts = quantiles(differences, n=40)
    return Warming(
        earlier=earlier,
        later=later,
        degrees=round(mean(after) - mean(before), 2),
        low=round(cuts[0], 2),
        high=round(cuts[-1], 2),
    )


@task(id="publish-report")
async def publish_report(weeks: list[Week]) -> str:
    """Put the weeks into words; triggered with a delay, so that it waits for its moment."""
    wettest = max(weeks, key=lambda week: week.rain_mm)
    warmest = max(weeks, key=lambda week: week.warmest)
    print(f"{len(weeks)} weeks went into the report")
    return (
        f"Wettest: week {wettest.week} of {wettest.year} with {wettest.rain_mm} mm. "
        f"Warmest: week {warmest.week} of {warmest.year} with {warmest.warmest} °C."
    )


def summer(year: int) -> list[float]:
    """Return the highest temperatures of June, July and August."""
    return [day.temp_max for day in read_days() if day.date.year == year and 6 <= day.date.month <= 8]
