#!/usr/bin/env python3
"""Refuses the words of scripts/words.txt in names, comments, texts, documents and commits.

  scripts/words.py                 checks the project against docs/words-left.txt, which counts what is left and may only shrink
  scripts/words.py --lower         writes that list again; refuses if any word has become more
  scripts/words.py --message FILE  checks one commit message: for .git/hooks/commit-msg
  --root FOLDER                    another project's folder
"""
import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

LEFT = "docs/words-left.txt"
HEAD = """# Words of scripts/words.txt that are still there: how often, in which kind of text, in which file. The list may only shrink:
# `make lint` fails where there are more, and where there are fewer until `make lint-words ARGS=--lower` has written it again.
"""
SLASHES = r"(?:[ \t]*//[^\n]*(?:\n|$))+|/\*.*?\*/"
HASHES = r"(?:[ \t]*(?<![^\s])#[^\n]*(?:\n|$))+"
QUOTED = r'"(?:\\.|[^"\\])*"'
# By ending: what a comment is, and what a text is. Text that is neither holds names.
LANGUAGES = {
    **dict.fromkeys([".rs"], (SLASHES, r"r(?P<hashes>#+)\".*?\"(?P=hashes)|" + QUOTED)),
    **dict.fromkeys([".ts", ".mjs", ".js"], (SLASHES, QUOTED + r"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`")),
    **dict.fromkeys([".py"], (r'""".*?"""|' + HASHES, QUOTED + r"|'(?:\\.|[^'\\\n])*'")),
    **dict.fromkeys([".sh", ".toml", ".yml", "Makefile", "Containerfile", ".ci/run"], (HASHES, QUOTED)),
    **dict.fromkeys([".css"], (r"/\*.*?\*/", QUOTED)),
    **dict.fromkeys([".sql"], (r"(?:[ \t]*--[^\n]*(?:\n|$))+", r"'[^']*'")),
}
SKIPPED = re.compile(r"(^|/)(\.git|node_modules|target|data|test-results|playwright-report)/|Cargo\.lock|^scripts/words\.|^docs/words-left\.txt")
WORD_IN_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def read_words(root):
    words, base = [], ("", "")
    for line in (root / "scripts/words.txt").read_text().splitlines():
        if line.startswith("commits after "):
            base = tuple(line.split()[2:])
        elif line and not line.startswith("#"):
            words.append(line.split("\t"))

    def together(is_name):
        chosen = [(number, pattern) for number, (_, pattern, _) in enumerate(words) if not (is_name and pattern.startswith("prose:"))]
        alternatives = "|".join(f"(?P<w{number}>{pattern.removeprefix('prose:')})" for number, pattern in chosen)
        return re.compile(rf"(?<![\w-])(?:{alternatives})(?!\w)", re.IGNORECASE)

    return words, together(False), together(True), base


def files(root):
    try:
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True)
        names = listed.stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    return sorted(name for name in names if name and not SKIPPED.search(name) and (root / name).is_file())


def parts(name, text):
    """(kind, line, text) of everything in a file that somebody reads."""
    if name.endswith(".md"):
        text = re.sub(r"^ *```.*?^ *```", lambda code: "\n" * code.group().count("\n"), text, flags=re.S | re.M)
        for block in re.finditer(r"(?:[^\n]+(?:\n|$))+", text):
            yield "document", text.count("\n", 0, block.start()) + 1, re.sub(r"`[^`]*`", "``", block.group().replace("\n", " "))
        return
    language = next((value for ending, value in LANGUAGES.items() if name.endswith(ending)), None)
    if language is None:
        return
    comment, quoted = language
    code, end = [], 0
    # A character such as '"' begins no text.
    for found in re.finditer(rf"(?P<char>'(?:\\.|[^'\\])')|(?P<comment>{comment})|(?P<text>{quoted})", text, re.S):
        code.append(text[end : found.start()])
        end = found.end()
        if found.lastgroup == "char":
            continue
        line = text.count("\n", 0, found.start()) + 1
        if found.group("comment"):
            plain = re.sub(r"\n?[ \t]*(?://[/!]?|/\*+|\*/|#+|--|\n *\*(?!/)|\"\"\")", " ", found.group("comment"))
            yield "comment", line, re.sub(r"`[^`]*`", "``", re.sub(r"\s+", " ", plain)).strip()
        else:
            yield "text", line, re.sub(r"\\?\n\s*", " ", found.group("text").strip("\"'`r#"))
    code.append(text[end:])
    for identifier in sorted(set(re.findall(r"[A-Za-z_]\w{3,}", " ".join(code)))):
        yield "name", 0, " ".join(WORD_IN_NAME.findall(identifier)).lower()


def commits(root, base):
    """Messages of the commits that are not in the base. .ci/run checks a copy, and names the checkout that it is of."""
    git = ["git", "-C", os.environ.get("CHECKED_OUT", str(root))]
    try:
        has_base = subprocess.run([*git, "cat-file", "-e", f"{base[0]}^{{commit}}"], capture_output=True).returncode == 0
        since = [f"{base[0]}..HEAD"] if has_base else [f"--since={base[1]}", "HEAD"]
        log = subprocess.run([*git, "log", "--no-merges", "--format=%h%n%B%x00", *since], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        print("words: no git history here; commits were not read", file=sys.stderr)
        return []
    return [tuple(entry.strip().split("\n", 1)) for entry in log.stdout.decode().split("\0") if entry.strip()]


def of_message(pattern, words, name, message):
    subject = message.split("\n", 1)[0]
    if len(subject) > 72:
        yield f"{name}: the subject has {len(subject)} characters; at most 72"
    for found in pattern.finditer(re.sub(r"\s+", " ", message)):
        yield f'{name}: "{found.group()}" in the commit\'s message: write {words[int(found.lastgroup[1:])][2]}'


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--lower", action="store_true")
    options.add_argument("--message", type=Path)
    options.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    options = options.parse_args()
    root = options.root
    words, pattern, pattern_of_names, base = read_words(root)
    if options.message:
        text = "\n".join(line for line in options.message.read_text().splitlines() if not line.startswith("#"))
        return finish(list(of_message(pattern, words, "this commit", text)))

    there, where = Counter(), {}
    for name in files(root):
        for kind, line, text in parts(name, (root / name).read_text(errors="replace")):
            for found in (pattern_of_names if kind == "name" else pattern).finditer(text):
                key = (kind, name, words[int(found.lastgroup[1:])][0])
                there[key] += 1
                where.setdefault(key, []).append(f"{name}:{line}: {text[max(0, found.start() - 30) : found.end() + 30].strip()}")
    left = Counter()
    if (root / LEFT).exists():
        for row in (root / LEFT).read_text().splitlines():
            if row and not row.startswith("#"):
                count, kind, name, word = row.split("\t")
                left[kind, name, word] = int(count)
    if options.lower:
        return lower(root, there, left)
    wrong = []
    for key in sorted(there.keys() | left.keys()):
        kind, name, word = key
        instead = next((instead for each, _, instead in words if each == word), "")
        if there[key] > left[key]:
            allowed = f", {left[key]} of them known" if left[key] else ""
            wrong.append(f'{there[key]} times "{word}" in a {kind} of {name}{allowed}: write {instead}')
            wrong += [f"    {place}" for place in where[key]]
        elif there[key] < left[key]:
            wrong.append(f'{LEFT}: "{word}" is only {there[key]} times left in a {kind} of {name}: lower it to {there[key]}, by ARGS=--lower')
    for number, message in commits(root, base):
        wrong += of_message(pattern, words, number, message)
    return finish(wrong)


def lower(root, there, left):
    """Files may have moved, so the sums of each word decide."""
    now, before = Counter(), Counter()
    for (kind, _, word), count in there.items():
        now[kind, word] += count
    for (kind, _, word), count in left.items():
        before[kind, word] += count
    if left:
        more = [f'"{word}" is {count} times in a {kind}, and {before[kind, word]} times in {LEFT}' for (kind, word), count in sorted(now.items()) if count > before[kind, word]]
        if more:
            return finish(more)
    (root / LEFT).write_text(HEAD + "".join(f"{count}\t{kind}\t{name}\t{word}\n" for (kind, name, word), count in sorted(there.items())))
    return 0


def finish(wrong):
    print("\n".join(wrong), file=sys.stderr) if wrong else None
    return 1 if wrong else 0


sys.exit(main())
