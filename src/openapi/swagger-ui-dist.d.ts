/** The package's files, embedded in the binary; an import is the path to read one from. */
declare module "swagger-ui-dist/*" {
	const path: string;
	export default path;
}
