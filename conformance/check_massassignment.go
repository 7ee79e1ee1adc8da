package conformance

import (
	"context"

	"github.com/permcheck/permcheck/catalogs"
)

// massAssignmentCreate: a create takes no field that its sender may not write.
var massAssignmentCreate = Check{
	ID: "mass-assignment-create", Category: "grants", Title: "a create takes no field that its sender has no permission for",
	Doc: `Makes an object with a guarded field in the body, once with the full key, which must work, and
once with a key that may make objects and lacks the field's permission; then reads both with the full
key. The field with the value that was sent is the finding; a refusal and a field that was ignored
are right. The value is one that another object shows. It counts as a write.`,
	Finds: []string{"mass-assignment-on-create"}, effort: SomeWrites,
	ask: func(p *planner) {
		p.askWrites([]string{"POST"}, func(e *catalogs.Endpoint) string { return e.Lists })
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error { return l.assign(ctx, q, rec) }, decide: decideAssign,
}

// massAssignmentUpdate: an update takes no field that its sender may not write.
var massAssignmentUpdate = Check{
	ID: "mass-assignment-update", Category: "grants", Title: "an update takes no field that its sender has no permission for",
	Doc: `Changes a guarded field of a fresh object, once with the full key, which must work, and once with
a key that may change objects and lacks the field's permission; then reads both with the full key.
The field with the value that was sent is the finding; a refusal and a field that was ignored are
right. The value is one that another object shows. It counts as a write.`,
	Finds: []string{"mass-assignment-on-update"}, effort: SomeWrites,
	ask: func(p *planner) {
		p.askWrites([]string{"PATCH", "PUT"}, func(e *catalogs.Endpoint) string { return e.Gets })
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error { return l.assign(ctx, q, rec) }, decide: decideAssign,
}
