// Package reference is a real HTTP server that enforces any catalog: what a harness
// is tried against, and what a client can be developed against.
//
// It is told nothing but its catalog, and it decides by its own lookup: it shares
// no code with the probe plan, with the checks, or with the decisions of package
// perm, whose requirements it reads as data. Otherwise a harness that is right on
// it would only be right about itself. It has its own path matcher too, because
// the paths of real catalogs overlap in ways that http.ServeMux rejects: of
// several rows that match, the one with the more concrete segment wins.
//
// # What it serves
//
// Each row of the catalog is a route. Objects live in collections: one for each
// object that rows name with lists and gets, else one for each collection path,
// so that GET /positions, POST /positions and PATCH /positions/{id} speak about the
// same objects. They are seeded at each start with objects that show every combination of
// what the catalog's rules look at ([Seeds]). A route that ends in a parameter is about one
// object, any other about the collection. Where the collection above is an object that the
// catalog names, its id is looked up, and the objects below are those of it. An effect stated
// by the catalog wins over the method: a POST that reads answers a list and changes nothing.
//
// Lists answer {"data": [...], "total": N, "next": cursor or null} and X-Total-Count, and
// take limit, cursor, q, filter[field], filter[relation][field], sort, fields, include and ids.
// Some rows are known by what they are: a GET that is "authenticated" answers who the key is,
// .../count and .../stats count, POST .../batch changes several rows, POST .../{id}/ACTION with
// gets changes one, the row of an allow list's shown-by answers its attributes, and rows about
// the object "key" manage keys. There are never any Access-Control headers, so pages of other
// origins cannot call the API.
//
// # What it enforces
//
// A request is identified by "Authorization: Bearer SECRET". Without a valid key it
// is refused as the catalog's refused.anonymous says, else with 401; a valid key
// without the grant as refused.forbidden says, else with 403. A refused request
// changes nothing. Rows that are "unknown" are refused to every key: what nobody
// decided, a server must not open.
//
// A row of data is shown where the key's sharing option and its permissions reveal it, and
// where it sees what the row is a part of. What is not shown is nowhere: not in lists, counts,
// totals, pages, search, filters, sorts, includes, nor as an id in another row, and by its own id
// it is answered as one that is not there. A field that a key does not see is one that does not
// exist, wherever it is asked about. Writes act on rows that the sharing option shows, and
// may neither move a row out of it nor name a field that the key does not see. A key makes and
// changes keys only within what it holds itself.
//
// # Keys
//
// Keys are made and changed through the admin API, which listens on an address of its
// own and asks for a token of its own; see [Server.Admin]. With [Options.State] they are kept
// in a file, and no change that was answered is lost, however the server ends.
//
// # Vendors
//
// A server can be one of a vendor ([Options.Vendor]). It then signs in, answers and behaves as the
// vendor's own pages say, each in a file vendor_NAME.go; what is said above holds where they say
// nothing else. What they leave open is a switch ([Switches]), whose first value is what they
// suggest, and what only such an API can get wrong a fault of its own ([FaultsOf]).
//
// # Faults and traps
//
// A seeded fault ([Faults]) changes what the server does, never the table that it
// serves. Each says which part of access control it is in; [Server.Touches] and
// [Server.Reaches] say which endpoints it may be noticed on. A trap ([Traps]) is a way to be
// right that looks wrong.
package reference
