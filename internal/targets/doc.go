// Command targets probes real servers.
package main
