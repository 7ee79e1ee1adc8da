// Package kong reads Kong's declarative configuration as a described API: who may call what,
// by the gateway's own routes and plugins
// (https://developer.konghq.com/gateway/entities/).
//
// A route is an operation for each of its methods and paths, as clients call them: what
// strip_path takes off concerns the upstream only. A path is a prefix, so it is read as itself
// and as the tree below it; one that begins with ~ is a regular expression, of which groups,
// classes without a slash and anchors are understood.
//
// Of the plugins of one name the one bound to the route counts, else the service's, else the
// global one; those that are not enabled do not count. Every authentication plugin must be
// satisfied, unless it lets an anonymous consumer through (config.anonymous): then any of
// them is enough, and none at all, if nothing later refuses that consumer: acl, whose groups it
// lacks, or request-termination bound to it. The groups that acl allows are permissions, any of
// which is enough, and so are the scopes of oauth2 where they are mandatory.
//
// What this does not decide is unresolved, never guessed: routes that also go by host, header,
// server name or address, or by an expression; acl with deny; a plugin that is not known where
// no known one asks who is calling.
package kong
