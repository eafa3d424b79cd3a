CREATE TABLE "task_blockers" (
	"task" uuid NOT NULL,
	"blocker" uuid NOT NULL,
	CONSTRAINT "task_blockers_task_blocker_pk" PRIMARY KEY("task","blocker")
);
--> statement-breakpoint
CREATE TABLE "task_counts" (
	"space" integer NOT NULL,
	"status" text NOT NULL,
	"count" bigint NOT NULL,
	CONSTRAINT "task_counts_space_status_pk" PRIMARY KEY("space","status")
);
--> statement-breakpoint
CREATE TABLE "task_labels" (
	"seq" bigint NOT NULL,
	"label" text NOT NULL,
	"space" integer NOT NULL,
	"assignee" text,
	"priority" integer NOT NULL,
	"rank" text COLLATE "C" NOT NULL,
	"ready" integer NOT NULL,
	CONSTRAINT "task_labels_seq_label_pk" PRIMARY KEY("seq","label")
);
--> statement-breakpoint
CREATE TABLE "task_numbers" (
	"space" integer PRIMARY KEY NOT NULL,
	"next" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "ready" integer;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "updated_seq" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "number" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "status" text DEFAULT 'open' NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "status_since" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "priority" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "rank" text COLLATE "C" DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "assignee" text;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "claimed_by" text;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "created_by" text;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "parent" uuid;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "blocked_by" text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "open_blockers" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "labels" text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "metadata" text DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "note" text;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "due_at" bigint;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "defer_until" bigint;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "etag" text;--> statement-breakpoint
CREATE INDEX "task_blockers_waiting" ON "task_blockers" USING btree ("blocker","task");--> statement-breakpoint
CREATE INDEX "task_labels_ready" ON "task_labels" USING btree ("space","label","assignee","priority" DESC NULLS FIRST,"rank","seq") WHERE ready = 1;--> statement-breakpoint
CREATE INDEX "events_of_task" ON "events" USING btree (substr(subject, 15, 36),"id") WHERE type LIKE 'task.%';--> statement-breakpoint
-- Backfill: what earlier versions' rows cannot say by themselves. Numbers follow the order of creation.
UPDATE "tasks" SET
	"number" = old."number",
	"updated_seq" = coalesce(old."changed", old."seq"),
	"status_since" = "created_at",
	"rank" = left(replace("id"::text, '-', ''), 16) || 'm'
FROM (
	SELECT "seq", row_number() OVER (PARTITION BY "tasks"."space" ORDER BY "seq") AS "number", "changed"
	FROM "tasks" LEFT JOIN (
		SELECT "subject", max("id") AS "changed" FROM "events"
		WHERE "type" IN ('task.created', 'task.updated') GROUP BY "subject"
	) AS "kept" ON "kept"."subject" = '/collab/tasks/' || "tasks"."id"
) AS old WHERE old."seq" = "tasks"."seq";
--> statement-breakpoint
INSERT INTO "task_counts" ("space", "status", "count") SELECT "space", 'open', count(*) FROM "tasks" GROUP BY "space";
--> statement-breakpoint
INSERT INTO "task_numbers" ("space", "next") SELECT "space", max("number") + 1 FROM "tasks" GROUP BY "space";
-- End of the backfill.
--> statement-breakpoint
CREATE UNIQUE INDEX "tasks_number" ON "tasks" USING btree ("space","number");--> statement-breakpoint
CREATE INDEX "tasks_ready" ON "tasks" USING btree ("space","assignee","priority" DESC NULLS FIRST,"rank","seq") WHERE status = 'open' AND defer_until IS NULL AND open_blockers = 0;--> statement-breakpoint
CREATE INDEX "tasks_deferred" ON "tasks" USING btree ("defer_until") WHERE defer_until IS NOT NULL;