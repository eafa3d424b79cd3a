/** Makes a value when it is first asked for: what many starts never need is not made by all of them. */
export function memoize<T>(make: () => T): () => T {
	let made: { readonly value: T } | undefined;
	return () => {
		made ??= { value: make() };
		return made.value;
	};
}
