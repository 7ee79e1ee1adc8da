package report

import (
	"io"
	"net/url"
	"slices"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

// maxSARIF is how many results code scanning keeps of one run; it rejects a file with
// more than 25,000 (https://docs.github.com/en/code-security/code-scanning, SARIF
// support). The severest come first and the rest are counted.
const maxSARIF = 5000

// WriteSARIF writes a SARIF 2.1.0 log as GitHub code scanning takes it: every result has
// a URI relative to the repository, a region and a stable fingerprint.
func (r *Report) WriteSARIF(w io.Writer) error { return writeSARIF(w, []*Report{r}) }

func writeSARIF(w io.Writer, reports []*Report) error {
	log := sarif.NewReport()
	for _, r := range reports {
		log.AddRun(r.run())
	}
	return log.PrettyWrite(w)
}

func (r *Report) run() *sarif.Run {
	run := sarif.NewRunWithInformationURI("permcheck", "https://github.com/permcheck/permcheck")
	run.Tool.Driver.WithVersion(r.Version).WithSemanticVersion(r.Version)
	run.AutomationDetails = sarif.NewRunAutomationDetails().WithID("permcheck/" + r.Command + "/" + r.Service)
	findings := slices.Clone(r.Findings)
	slices.SortStableFunc(findings, func(a, b *Finding) int { return int(b.Severity()) - int(a.Severity()) })
	left := 0
	if len(findings) > maxSARIF {
		left = len(findings) - maxSARIF
		findings = findings[:maxSARIF]
	}
	rules := map[string]uint{}
	for _, f := range findings {
		rule := RuleByID(f.Rule)
		index, ok := rules[f.Rule]
		if !ok {
			index = uint(len(rules))
			rules[f.Rule] = index
			run.Tool.Driver.AddRule(sarif.NewRule(rule.ID).
				WithName(rule.ID).
				WithShortDescription(sarif.NewMultiformatMessageString().WithText(rule.Title)).
				WithFullDescription(sarif.NewMultiformatMessageString().WithText(rule.Why)).
				WithHelp(sarif.NewMultiformatMessageString().WithText(rule.Why + "\n\n" + rule.Fix).
					WithMarkdown(rule.Why + "\n\n**What to do:** " + rule.Fix)).
				WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevel(rule.Severity))).
				WithProperties(sarif.NewPropertyBag().
					Add("tags", append([]string{"security", "access-control"}, refs(rule)...)).
					Add("security-severity", securitySeverity(rule.Severity))))
		}
		message := f.Message
		for _, e := range f.Evidence {
			message += "\n" + e
		}
		if fix := f.fix(); fix != "" {
			message += "\nNext: " + fix
		}
		region := sarif.NewRegion().WithStartLine(max(1, f.Position.Line))
		if f.Position.Column > 0 {
			region.WithStartColumn(f.Position.Column)
		}
		run.AddResult(sarif.NewRuleResult(f.Rule).
			WithRuleIndex(int(index)).
			WithLevel(sarifLevel(f.Severity())).
			WithMessage(sarif.NewTextMessage(CleanLines(message))).
			WithLocations([]*sarif.Location{sarif.NewLocationWithPhysicalLocation(sarif.NewPhysicalLocation().
				WithArtifactLocation(sarif.NewSimpleArtifactLocation((&url.URL{Path: r.uri(f.Position)}).String())).
				WithRegion(region))}).
			WithPartialFingerprints(map[string]string{"permcheck/v1": f.Fingerprint()}))
	}
	invocation := sarif.NewInvocation().WithExecutionSuccessful(r.Incomplete == "")
	if r.Headline != "" {
		run.AutomationDetails.WithDescription(sarif.NewTextMessage(CleanLines(r.Headline)))
		invocation.AddToolExecutionNotification(sarif.NewNotification().WithLevel("note").WithMessage(sarif.NewTextMessage(CleanLines(r.Headline))))
	}
	if r.Policy.Value != "" {
		invocation.AddToolExecutionNotification(sarif.NewNotification().WithLevel("note").WithMessage(sarif.NewTextMessage(CleanLines(r.policy()))))
	}
	if left > 0 || r.Incomplete != "" {
		note := sarif.NewNotification().WithLevel("warning")
		if r.Incomplete != "" {
			note.WithLevel("error").WithMessage(sarif.NewTextMessage("incomplete: " + CleanLines(r.Incomplete)))
		} else {
			note.WithMessage(sarif.NewTextMessage(plural(left, "less severe finding") + " left out"))
		}
		invocation.AddToolExecutionNotification(note)
	}
	run.AddInvocation(invocation)
	return run
}

func sarifLevel(s Severity) string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	}
	return "note"
}

// securitySeverity is code scanning's scale: above 9.0 critical, from 7.0 high, from 4.0
// medium.
func securitySeverity(s Severity) string {
	switch s {
	case Error:
		return "8.0"
	case Warning:
		return "5.0"
	}
	return "2.0"
}
