// Package golangci makes permcheck's analyzers a linter of golangci-lint v2, by its
// module plugin system (https://golangci-lint.run/docs/plugins/module-plugins/).
//
// Build a golangci-lint that has it with "golangci-lint custom" and this
// .custom-gcl.yml:
//
//	version: v2.15.0
//	plugins:
//	  - module: github.com/permcheck/permcheck
//	    import: github.com/permcheck/permcheck/analyzers/golangci
//	    version: latest
//
// and switch it on in .golangci.yml:
//
//	version: "2"
//	linters:
//	  enable: [permcheck]
//	  settings:
//	    custom:
//	      permcheck:
//	        type: module
//	        description: holds routes against the API's permission catalog
//
// The catalog and everything else is read from .permcheck.yaml, as the other drivers
// do; the linter itself has no settings.
//
// golangci-lint sees one package at a time: a route that an exported function hands
// out is judged where it is served, and catalog rows without a route are reported by
// "permcheck vet" only. Its --new-from-rev hides findings whose cause is a changed
// catalog, since they stand on lines of code that did not change; where catalogs
// change, gate merges with "permcheck vet".
package golangci
