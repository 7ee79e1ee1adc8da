package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/conformance/suites"
)

// A Check is one question that is asked of the running API. Its findings have the rule of
// the same id in package report.
//
// A check is of one of two kinds. One of the matrix looks at single requests, each row
// under some keys: it has plan and judge. An experiment has ask, perform and decide.
type Check struct {
	ID       string
	Category string // one of [Categories]
	Title    string // what a passing check says about the API
	// Doc says for people what is sent, what is a finding, and when the check says nothing.
	Doc string
	// Finds names the faults of package reference that this check, before all others, must
	// find.
	Finds []string

	// plan adds the probes of one row.
	plan func(p *planner, row int)
	// judge decides one of its probes; the reason says why it does not pass.
	judge func(j *judge, pr *Probe) (v Verdict, reason string)

	// ask adds the questions. It sends nothing and is deterministic.
	ask func(p *planner)
	// perform sends what one question needs, through the lab alone, and writes the record. An
	// error of [leaveOut] makes the question skipped, any other inconclusive.
	perform func(ctx context.Context, l *Lab, q *Question, rec *Record) error
	// decide decides one question. It looks at nothing but the record and the facts of the
	// matrix, and need not mind requests without an answer, nor 429 and 5xx: those have
	// been sorted out.
	decide func(j *judge, q *Question, rec *Record) (v Verdict, reason string)
	// effort is what its questions change at the target.
	effort Effort
	// oneShot says that asking again would show something else, so that a failure is
	// believed at once.
	oneShot bool
	// explains names checks or categories whose failures most likely have this check's cause
	// while it fails.
	explains []string
	// cause is shared by checks that one mistake of a server makes fail together; the zero
	// value is a cause of the check's own.
	cause Cause
	// statement is what the check asks for; nil: it is not one of a suite's.
	statement *suites.Statement
}

// believed reports whether a failure of a question is believed at once.
func (c *Check) believed(q *Question) bool {
	return c.oneShot || (c == &script || c.statement != nil) && q.Effort == SomeWrites
}

// Categories are what checks are about, in the order of reports.
var Categories = []string{"operations", "grants", "authentication", "life-cycle", "routing", "records", "fields", "existence", "caches", "browsers", "scripts", statementsCategory}

// SelectChecks returns the checks with the ids or of the categories in only, or all where
// it is empty, without those in skip, in the order of [Checks].
func SelectChecks(only, skip []string) ([]*Check, error) {
	for _, name := range slices.Concat(only, skip) {
		if !slices.Contains(Categories, name) && checkOf(name) == nil {
			return nil, fmt.Errorf("no check or category %q (permcheck checks lists them)", name)
		}
	}
	var out []*Check
	for _, c := range slices.Concat(Checks, []*Check{&script}, Statements()) {
		named := func(list []string) bool { return slices.Contains(list, c.ID) || slices.Contains(list, c.Category) }
		if (len(only) == 0 || named(only)) && !named(skip) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no check is left: --only and --skip leave nothing to ask")
	}
	return out, nil
}

// Checks lists every check. Those that ask whether a request is admitted come first:
// the others look at the same requests.
var Checks = []*Check{
	&overGrant, &underGrant, &anonymousAdmitted, &badKeyAdmitted, &defaultAllow, &unlistedVersion, &unlistedMethod,
	&refusalForm, &effectDespiteRefusal,
	&keyAltered, &keyEmpty, &badKeyIgnored, &keyInQuery, &keyInCookie, &twoCredentials, &wrongScheme, &wwwAuthenticate,
	&keyMintsStronger, &keyEditsStronger, &keyEditsItself, &massAssignmentCreate, &massAssignmentUpdate, &impersonation, &roleHint,
	&sharedCache, &replicas, &crossKey, &disabledKey, &revokedKey, &deletedKey, &expiredKey, &unexpiredKey, &narrowedKey, &widenedKey, &reenabledKey,
	&ownerDisabled, &rotatedKey, &deadIntrospection,
	&pathTrailingSlash, &pathDoubleSlash, &pathDotSegments, &pathEncodedLetters, &pathDoubleEncoding, &pathEncodedSlash, &pathMatrix,
	&pathSuffix, &pathCase, &rewriteHeader, &forwardedHeader, &hostHeader, &methodOverride, &headUnguarded, &methodOptions, &methodUnknown,
	&contentType, &getWithBody,
	&listRecords, &subResource, &recordByID, &includedRecords, &foreignKeys, &listTotal, &countedRecords, &listPages,
	&searchRecords, &filterRecords, &sortRecords, &droppedFilter, &batchRecords,
	&writeOutside, &movedRecords, &createOutside, &bodyID, &batchWrites,
	&fieldHidden, &fieldListed, &listedEndpoint, &fieldSelected, &fieldFiltered, &fieldSorted, &fieldSearched,
	&fieldInAnswer, &fieldInError,
	&existenceHidden, &existenceRefused, &cacheHeaders, &moreSeesMore,
	&corsSimple, &corsOrigins, &corsPreflight, &corsTiming, &corsJSONP, &corsServed,
}

// checkOf returns the check of an id; nil when there is none.
func checkOf(id string) *Check {
	if id == script.ID {
		return &script
	}
	if strings.Contains(id, "/") {
		if i := slices.IndexFunc(Statements(), func(c *Check) bool { return c.ID == id }); i >= 0 {
			return Statements()[i]
		}
		return nil
	}
	if i := slices.IndexFunc(Checks, func(c *Check) bool { return c.ID == id }); i >= 0 {
		return Checks[i]
	}
	return nil
}

// Doc returns the documentation of a check; "" when there is none of the id.
func Doc(id string) string {
	if c := checkOf(id); c != nil {
		return c.Doc
	}
	return ""
}

// refusedSenders returns the keys that a row's requests must be refused to.
func (p *planner) refusedSenders(row int) []int {
	var keys []int
	for _, key := range append([]int{0, 1, 2}, p.validKeys(row)...) {
		if p.expect(row, key) == Refuse {
			keys = append(keys, key)
		}
	}
	return keys
}
