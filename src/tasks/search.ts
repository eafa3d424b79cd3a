import { characterAt, fold, foldedUnit, joinsAt, Kind, kindOf, kindOfFolded } from "./characters.ts";

export const searchWordsMax = 10;

/** How many accents on one character count: sorting them, as NFKC does, takes time that grows with their square. */
const joinersMax = 32;
/** What folding takes for each code unit before and after, in steps of the loop. */
const foldingSteps = 32;

/** The words of a text: runs of letters, digits and marks, and characters of scripts that are written without spaces. */
export function wordsOf(text: string): readonly string[] {
	const words: string[] = [];
	let run = "";
	for (const character of fold(text)) {
		const kind = kindOfFolded(character);
		if (kind === Kind.letter) {
			run += character;
			continue;
		}
		if (run !== "") words.push(run);
		run = "";
		if (kind === Kind.ideograph) words.push(character);
	}
	if (run !== "") words.push(run);
	return words;
}

/** Classes of code units; one for each unit in the words follows. */
const unseen = 0;
const separating = 1;
const other = 2;

/**
 * Finds texts that have, for each word of a query, one that begins with it. All words are looked for at once, by an
 * automaton that takes one step for each code unit, so that no text is slow. Only characters that are written as several,
 * or that accents follow, are folded while it reads.
 */
export class Search {
	/** The work that the texts were so far: code units, and what was folded. */
	steps = 0;
	readonly #automaton: Automaton;
	/** The class of each code unit that was met. */
	readonly #classes = new Uint16Array(0x1_0000);
	/** The words that are still to be found, as bits. */
	#missing = 0;

	constructor(words: readonly string[]) {
		this.#automaton = automatonOf([...new Set(words)]);
	}

	/** Whether each word of the query begins a word of one of the texts. */
	matches(...texts: readonly string[]): boolean {
		this.#missing = this.#automaton.all;
		return this.#missing === 0 || texts.some((text) => this.#read(text));
	}

	/** Reads on in another text. Returns whether all words have been found. */
	#read(text: string): boolean {
		const { next, completed, classCount } = this.#automaton;
		const classes = this.#classes;
		this.steps += text.length;
		let state = between;
		let before = between;
		let foldedTo = 0;
		for (let index = 0; index < text.length; index++) {
			const unit = text.charCodeAt(index);
			const unitClass = classes[unit] || this.#classOf(unit);
			if (unitClass === unseen) {
				// Together with the character before it, which has been read without it.
				const joins = index > foldedTo && joinsAt(text, index);
				foldedTo = clusterEnd(text, index);
				state = this.#readCluster(joins ? before : state, text.slice(joins ? index - 1 : index, foldedTo));
				if (this.#missing === 0) return true;
				index = foldedTo - 1;
				continue;
			}
			before = state;
			state = next[before + unitClass] as number;
			if (state >= 0) continue;
			state = ~state;
			if (!joinsAt(text, index + 1)) {
				this.#missing &= ~(completed[state / classCount] as number);
				if (this.#missing === 0) return true;
			}
		}
		return false;
	}

	/** The class of a unit that is a character by itself; `unseen` for any other. */
	#classOf(unit: number): number {
		const kind = kindOf(unit);
		if (kind === Kind.composite || kind === Kind.joiner) return unseen;
		const found = this.#automaton.classOf(foldedUnit(unit), kind);
		this.#classes[unit] = found;
		return found;
	}

	/** Reads one character with what joins it. Returns the state after it. */
	#readCluster(before: number, cluster: string): number {
		const { next, completed, classCount, classOf } = this.#automaton;
		const characters = fold(cluster);
		this.steps += foldingSteps * (2 + cluster.length + characters.length);
		let state = before;
		for (const character of characters) {
			const kind = kindOfFolded(character);
			if (kind !== Kind.letter) state = between;
			for (let index = 0; index < character.length; index++) {
				const to = next[state + classOf(character.charCodeAt(index), kind)] as number;
				state = to < 0 ? ~to : to;
			}
			this.#missing &= ~(completed[state / classCount] as number);
			if (kind !== Kind.letter) state = between;
		}
		return state;
	}
}

/** The end of the character at a position with what joins it. */
function clusterEnd(text: string, start: number): number {
	let end = start + characterAt(text, start).length;
	while (end < text.length && end - start < joinersMax && joinsAt(text, end)) {
		end += characterAt(text, end).length;
	}
	return end;
}

/** States: between two words, and in a word that begins with none of those searched for. */
const between = 0;
const inOther = 1;

interface Automaton {
	/**
	 * The state after a unit: at the sum of a state and the class of the unit. States are multiples of the number of classes.
	 * One that completes a word stands here as its complement, which is negative.
	 */
	readonly next: Int32Array;
	readonly classCount: number;
	/** The words that a state completes, as bits. */
	readonly completed: Uint16Array;
	/** The bits of all words. */
	readonly all: number;
	classOf(folded: number, kind: Kind): number;
}

function automatonOf(words: readonly string[]): Automaton {
	const units = new Set(words.flatMap(unitsOf));
	const classes = new Map([...units].map((unit, index) => [unit, other + 1 + index]));
	const classCount = other + 1 + units.size;
	const states = [newState(classCount), newState(classCount)];
	const completed = [0, 0];
	for (const [index, word] of words.entries()) {
		let state = between;
		for (const unit of unitsOf(word)) {
			const unitClass = classes.get(unit) ?? other;
			if (states[state]?.[unitClass] === inOther) {
				states[state]?.splice(unitClass, 1, states.push(newState(classCount)) - 1);
				completed.push(0);
			}
			state = states[state]?.[unitClass] ?? inOther;
		}
		completed[state] = (completed[state] ?? 0) | (2 ** index);
	}
	for (const word of words) {
		if (word.length === 1 && kindOfFolded(word) === Kind.ideograph)
			standAlone(states, classes.get(word.charCodeAt(0)) ?? other);
	}
	return {
		next: Int32Array.from(states.flat(), (state) =>
			completed[state] ? ~(state * classCount) : state * classCount,
		),
		classCount,
		completed: Uint16Array.from(completed),
		all: 2 ** words.length - 1,
		classOf: (unit, kind) => classes.get(unit) ?? (kind === Kind.letter ? other : separating),
	};
}

/** Every unit leads into another word, but a separator. */
function newState(classCount: number): number[] {
	return Array.from({ length: classCount }, (_, unitClass) => (unitClass === separating ? between : inOther));
}

/** An ideograph ends the word before it, and the next word begins behind it. */
function standAlone(states: readonly number[][], unitClass: number): void {
	const [start = []] = states;
	const behind = start[unitClass] ?? inOther;
	for (const state of states) state[unitClass] = behind;
	states[behind]?.splice(0, start.length, ...start);
}

function unitsOf(word: string): readonly number[] {
	return Array.from({ length: word.length }, (_, index) => word.charCodeAt(index));
}
