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
// same objects. Collections are seeded with the same few objects at each start.
// Parents in a path are not looked up: /a/1/b and /a/2/b are one collection.
// A route that ends in a parameter is about one object, any other about the
// collection. An effect stated by the catalog wins over the method: a POST that
// reads answers a list and changes nothing.
//
// A request is identified by "Authorization: Bearer SECRET". Without a valid key it
// is refused as the catalog's refused.anonymous says, else with 401; a valid key
// without the grant as refused.forbidden says, else with 403. A refused request
// changes nothing. Rows that are "unknown" are refused to every key: what nobody
// decided, a server must not open. There are never any Access-Control headers, so
// pages of other origins cannot call the API.
//
// It enforces what endpoints require. What a catalog says about records, fields and allow
// lists is not enforced: every admitted key sees every object whole.
//
// # Keys
//
// Keys are made and changed through the admin API, which listens on an address of its
// own and asks for a token of its own; see [Server.Admin].
//
// # Faults
//
// A seeded fault ([Faults]) changes what the server does, never the table that it
// serves. Each says which check of a harness finds it, and [Server.Touches] says
// which endpoints and grants it may be noticed on.
package reference
