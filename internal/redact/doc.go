// Package redact keeps secrets out of what a program writes.
//
// A [Set] holds the secrets that a program knows. [Set.Text] replaces each of them in a text by a
// placeholder such as [secret:full], whatever way it is written:
//
//   - as it is and in other case, and from 12 characters reversed;
//   - percent-encoded, as \uXXXX, \xXX and other backslash escapes, and as HTML entities, whether
//     every character is encoded or only some of them, mixed, and up to three times over;
//   - in base64 of either alphabet, padded or not, at any place of a longer text that was encoded
//     with it, as in Basic authentication;
//   - in hex.
//
// A secret of less than 8 characters is a word that may stand anywhere by chance. It is replaced
// only where it stands as a whole token, and not inside what [Set.Publish] names: words of the
// user's own files, which everybody may read.
//
// # Places
//
// Replacing keeps places apart. Two secrets have different placeholders, and so do two ways to
// write one: the part after "~" tells which characters were written how, and is made of nothing
// else. So a report that holds placeholders can be compared and judged again.
//
// Replacing twice changes nothing, since placeholders are left alone.
//
// # Where to call it
//
// At the edge, on what leaves the program, and on texts before they are escaped for a format:
// then JSON stays JSON and XML stays XML. [Set.JSON] is for JSON that others wrote. Decisions are
// made on raw values.
//
// # How it works
//
// One pass, whatever the number of secrets. Every way to write a secret that is not an escape is a
// pattern of at least 8 bytes. The first 8 of each are looked up for the 8 bytes that end at each
// place of the text; those that are known lead to a trie of the patterns, which is walked along
// the text. At an escape there are two readings, as it is and decoded, and both are followed.
// Patterns are added without building anything anew: tokens come all the time.
package redact
