import type { Bars } from "./report.ts";

const width = 860;
const labelWidth = 230;
const valueWidth = 110;
const barHeight = 16;
const barGap = 4;
const titleHeight = 26;
const groupGap = 20;
const margin = 24;

/** One colour a contender, in every group the same; readable on white and on black, and by the colour-blind. */
const ours = "#0072b2";
const palette = ["#7f7f7f", "#b0b0b0", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];

/** Horizontal bars in groups, each group on a scale of its own. */
export function chart(groups: readonly Bars[]): string {
	const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))].filter(isOther);
	const colour = (name: string) => palette[names.indexOf(name) % palette.length] ?? ours;
	let top = margin;
	const drawn = groups.map((group) => {
		const text = drawGroup(group, top, colour);
		top += titleHeight + group.bars.length * (barHeight + barGap) + groupGap;
		return text;
	});
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img">
<title>Medians of each contender</title>
<style>
	.page { fill: #ffffff }
	text { font: 12px system-ui, sans-serif; fill: #1f2328 }
	.title { font-weight: 600; font-size: 14px }
	.value { font-variant-numeric: tabular-nums }
	@media (prefers-color-scheme: dark) { .page { fill: #0d1117 } text { fill: #e6edf3 } }
</style>
<rect class="page" width="100%" height="100%"/>
${drawn.join("\n")}
</svg>
`;
}

function isOther(name: string): boolean {
	return !name.startsWith("orchestrator");
}

function drawGroup({ title, unit, bars }: Bars, top: number, colour: (name: string) => string): string {
	const longest = Math.max(...bars.map(({ value }) => value));
	const room = width - labelWidth - valueWidth - 2 * margin;
	const lines = bars.map(({ name, value }, index) => {
		const y = top + titleHeight + index * (barHeight + barGap);
		const middle = y + barHeight - 4;
		const length = Math.max(1, (value / longest) * room).toFixed(1);
		const end = margin + labelWidth + Number(length) + 6;
		return `<text x="${margin + labelWidth - 8}" y="${middle}" text-anchor="end">${escaped(name)}</text>
<rect x="${margin + labelWidth}" y="${y}" width="${length}" height="${barHeight}" rx="2" fill="${colour(name)}"/>
<text class="value" x="${end.toFixed(1)}" y="${middle}">${Math.round(value).toLocaleString("en-US")}</text>`;
	});
	return [
		`<text class="title" x="${margin}" y="${top + 12}">${escaped(`${title}, ${unit}`)}</text>`,
		...lines,
	].join("\n");
}

function escaped(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
