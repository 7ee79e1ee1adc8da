// Package grants answers two questions about a catalog: which permissions does a list of
// calls need, and what does a permission open.
//
// # The smallest grant
//
// Every call is matched with a row of the catalog, and a grant is wanted that all the rows
// admit. Where rows offer alternatives there may be several smallest grants: sets from
// which no permission can be taken away. All of them are worked out ([Need.Smallest]),
// and the one that opens the fewest other rows comes first. A permission that implies others, such as
// a global toggle, is proposed only where a row names it: it would make the list short and
// the key strong.
//
// What could not be matched, and rows whose permission no document states, are part of the
// answer. A grant that was worked out without them is not known to suffice.
package grants
