import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "./build.ts";

/**
 * `bun build-targets.ts`: builds the executable for every target that the README offers, and checks that each file is of
 * the wanted kind. None is kept; those for other machines cannot be run here.
 */
export const targets: Readonly<Record<string, string>> = {
	"bun-linux-x64": "ELF x86-64, /lib64/ld-linux-x86-64.so.2",
	"bun-linux-arm64": "ELF AArch64, /lib/ld-linux-aarch64.so.1",
	"bun-linux-x64-musl": "ELF x86-64, /lib/ld-musl-x86_64.so.1",
	"bun-linux-arm64-musl": "ELF AArch64, /lib/ld-musl-aarch64.so.1",
	"bun-darwin-x64": "Mach-O x86-64",
	"bun-darwin-arm64": "Mach-O AArch64",
	"bun-windows-x64": "PE x86-64",
};

/** What a file is by its header, and for ELF by the loader that it wants. */
function kindOf(bytes: Uint8Array): string {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (view.getUint32(0) === 0x7f454c46 && bytes[4] === 2) {
		return `ELF ${elfMachines[view.getUint16(18, true)]}, ${interpreterOf(view, bytes)}`;
	}
	if (view.getUint32(0, true) === 0xfeedfacf) return `Mach-O ${machoMachines[view.getUint32(4, true)]}`;
	if (view.getUint16(0) === 0x4d5a) {
		const header = view.getUint32(0x3c, true);
		if (view.getUint32(header) === 0x50450000) return `PE ${peMachines[view.getUint16(header + 4, true)]}`;
	}
	return "unknown";
}

const elfMachines: Readonly<Record<number, string>> = { 62: "x86-64", 183: "AArch64" };
const machoMachines: Readonly<Record<number, string>> = { 16777223: "x86-64", 16777228: "AArch64" };
const peMachines: Readonly<Record<number, string>> = { 34404: "x86-64", 43620: "AArch64" };

const ptInterp = 3;

/** The text of the segment PT_INTERP (elf(5)). */
function interpreterOf(view: DataView, bytes: Uint8Array): string {
	const start = Number(view.getBigUint64(32, true));
	const size = view.getUint16(54, true);
	const count = view.getUint16(56, true);
	for (let index = 0; index < count; index++) {
		const header = start + index * size;
		if (view.getUint32(header, true) !== ptInterp) continue;
		const from = Number(view.getBigUint64(header + 8, true));
		const length = Number(view.getBigUint64(header + 32, true));
		return new TextDecoder().decode(bytes.subarray(from, from + length - 1));
	}
	return "static";
}

if (import.meta.main) {
	const folder = mkdtempSync(join(tmpdir(), "orchestrator-targets-"));
	try {
		for (const [target, wanted] of Object.entries(targets)) {
			const file = await compile("src/main.ts", join(folder, target), target as Bun.Build.CompileTarget);
			const kind = kindOf(await Bun.file(file).bytes());
			rmSync(file);
			console.log(`${target}: ${kind}`);
			if (kind !== wanted) throw new Error(`${target} should be ${wanted}, and is ${kind}`);
		}
	} catch (error) {
		const faults = error instanceof AggregateError ? error.errors : [error];
		for (const fault of faults) console.error(`build: ${fault instanceof Error ? fault.message : fault}`);
		process.exitCode = 1;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}
