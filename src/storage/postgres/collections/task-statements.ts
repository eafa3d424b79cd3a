import { mostlyDefault } from "../../collections/tasks.ts";
import { TableStatements } from "../table-statements.ts";
import { taskTable } from "./task-tables.ts";

export const taskStatements = new TableStatements(taskTable, {
	key: "id",
	fixed: ["seq", "space", "number", "createdBy", "createdAt"],
	mostlyDefault,
	numbered: ["seq", "updatedSeq"],
	json: ["blockedBy", "labels", "metadata"],
});
