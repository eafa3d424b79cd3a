import { chart } from "./chart.ts";

/** What one part of the benchmark found. */
export interface Section {
	readonly title: string;
	/** What was measured, and how. */
	readonly text: string;
	readonly table: { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };
	readonly verdicts: readonly Verdict[];
	readonly bars: readonly Bars[];
	/** The most that the load generator took of a core; 0 where it was not looked at. */
	readonly generatorShareMax: number;
}

/** An aim, and whether it is met. */
export interface Verdict {
	readonly aim: string;
	readonly measured: string;
	readonly isMet: boolean;
}

/** A group of the chart. */
export interface Bars {
	readonly title: string;
	readonly unit: string;
	readonly bars: readonly { readonly name: string; readonly value: number }[];
}

/** Where and when a run was made. */
export interface Circumstances {
	readonly date: string;
	/** By name: the machine's parts and the programs' versions. */
	readonly facts: Readonly<Record<string, string>>;
	/** How it is known that the load generator is not what is measured. */
	readonly generator: string;
	/** How the samples were taken. */
	readonly method: string;
}

/** The results as a page of Markdown, and their chart. */
export function report(
	sections: readonly Section[],
	circumstances: Circumstances,
): { readonly markdown: string; readonly svg: string } {
	const { date, facts, generator, method } = circumstances;
	const verdicts = sections.flatMap((section) => section.verdicts);
	const markdown = [
		"# Results of the benchmark",
		`${date}, by \`bun run bench\`. ${method}`,
		"![Requests a second of each contender](RESULTS.svg)",
		"## Aims",
		table(
			["aim", "measured", "met"],
			verdicts.map(({ aim, measured, isMet }) => [aim, measured, isMet ? "yes" : "**no**"]),
		),
		...sections.flatMap(({ title, text, table: { head, rows } }) => [`## ${title}`, text, table(head, rows)]),
		"## The machine and the load generator",
		table(["", ""], Object.entries(facts)),
		generator,
	].join("\n\n");
	return { markdown: `${markdown}\n`, svg: chart(sections.flatMap(({ bars }) => bars)) };
}

/** A section as it is printed while the run goes on. */
export function printed({ title, table: { head, rows }, verdicts }: Section): string {
	const lines = verdicts.map(
		({ aim, measured, isMet }) => `${isMet ? "met " : "MISSED"}  ${aim}: ${measured}`,
	);
	return [`\n${title}`, aligned([head, ...rows]), ...lines, ""].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
	return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function aligned(rows: readonly (readonly string[])[]): string {
	const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
	return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")).join("\n");
}

export function whole(value: number): string {
	return Math.round(value).toLocaleString("en-US");
}

export function decimals(value: number, count = 2): string {
	return value.toFixed(count);
}
