package reference

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rows of Personio whose answers are of a form of their own.
const (
	employeesPath   = "/v1/company/employees"
	attendancesPath = "/v1/company/attendances"
	timeOffsPath    = "/v1/company/time-offs"
	absencesPath    = "/v1/company/absence-periods"
	documentsPath   = "/v1/company/documents"
	projectsPath    = "/v1/company/attendances/projects"
	reportsPath     = "/v1/company/custom-reports/reports"
	columnsPath     = "/v1/company/custom-reports/columns"
	picturePath     = "/v1/company/employees/{employee_id}/profile-picture/{width}"
	webhooksPath    = "/v2/webhooks"
	personsPath     = "/v2/persons"
)

// pictureAttribute is what a credential must list to see profile pictures. It is not shown with
// the others.
const pictureAttribute = "Profile Picture"

// A v1Type says how v1 writes objects: with a type and attributes, but not all at one place.
type v1Type struct {
	name    string
	outside bool // the id stands beside the attributes
	paged   bool // lists have metadata
}

var v1Types = map[string]v1Type{
	employeesPath:                     {"Employee", false, true},
	attendancesPath:                   {"AttendancePeriod", true, true},
	projectsPath:                      {"Project", true, false},
	"/v1/company/time-off-types":      {"TimeOffType", false, false},
	timeOffsPath:                      {"TimeOffPeriod", false, true},
	absencesPath:                      {"AbsencePeriod", false, true},
	"/v1/company/document-categories": {"DocumentCategory", true, false},
	documentsPath:                     {"Document", true, false},
	reportsPath:                       {"Report", false, true},
}

// v1Type is the type of what a v1 row is about.
func (rt *route) v1Type() (v1Type, bool) {
	t, ok := v1Types[strings.TrimSuffix(collectionPath(rt.row.Path), "/")]
	return t, ok
}

// pageSizes are how many objects a list shows when it is not asked for a number, and at most.
// Where the pages say nothing it is 200 in v1, and in v2 as many as there are.
var pageSizes = map[string][2]int{
	employeesPath:         {10, 200},
	personsPath:           {10, 50},
	"/v2/absence-periods": {100, 100},
	"/v2/legal-entities":  {20, 100},
}

// query reads limit and offset of v1, limit and cursor of v2, and what few filters there are.
func (p *personio) query(c *call) (query, error, bool) {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil || len(values) > maxTerms {
		return query{}, &queryError{"query"}, true
	}
	v2 := isV2(c.rt.row.Path)
	size, ok := pageSizes[c.rt.row.Path]
	switch {
	case ok:
	case v2:
		size = [2]int{maxLimit, maxLimit}
	default:
		size = [2]int{200, 200}
	}
	q := query{limit: size[0]}
	if text, ok := first(values, "limit"); ok {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || v2 && n > size[1] {
			return q, &queryError{"limit"}, true
		}
		q.limit = min(n, maxLimit)
	}
	if text, ok := first(values, "offset"); ok && !v2 {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return q, &queryError{"offset"}, true
		}
		q.offset = n
	}
	if text, ok := first(values, "cursor"); ok && v2 {
		if q.offset, ok = readCursor(text); !ok {
			return q, &queryError{"cursor"}, true
		}
	}
	if c.rt.row.Path == employeesPath {
		if email, ok := first(values, "email"); ok {
			q.filters = append(q.filters, filter{field: "email", value: email})
		}
		q.fields = slices.Concat(values["attributes[]"], values["attributes"])
		if len(q.fields) > maxTerms {
			return q, &queryError{"attributes[]"}, true
		}
		for _, name := range q.fields {
			if p.s.switches["unlisted-attributes"] == "refused" && !c.readable(c.rt.objects, name) {
				return q, &queryError{"attributes[]"}, true
			}
		}
	}
	if employees := values["employees[]"]; len(employees) == 1 && !v2 {
		q.filters = append(q.filters, filter{field: "employee", value: employees[0]})
	}
	return q, nil, true
}

// perform does what the catalog says nothing about: gates of features, reports, pictures,
// webhooks; and tells webhooks of what was written.
func (p *personio) perform(c *call, method string) (answer, bool) {
	path := c.rt.row.Path
	switch {
	case recruiting(c.rt) && p.s.switches["recruiting-feature"] == "absent":
		return answer{status: http.StatusForbidden}, true
	case strings.HasPrefix(path, "/v2/legal-entities") && p.s.switches["legal-entities-feature"] == "absent":
		return answer{http.StatusPreconditionFailed, object{}}, true
	case path == picturePath:
		return p.picture(c), true
	case c.rt.kind == kindAttributes || path == employeesPath+"/custom-attributes":
		return p.attributes(c), true
	case path == columnsPath:
		return answer{http.StatusOK, object{"type": "Column", "attributes": p.columns()}}, true
	case path == reportsPath+"/{report_id}":
		return p.report(c), true
	case path == "/v2/reports" || path == "/v2/reports/{id}":
		return p.enabledReports(c), true
	case strings.HasPrefix(path, webhooksPath+"/{id}/"):
		return p.deliveries(c), true
	case path == employeesPath && c.wrong("roles-filter-employees") && len(c.k.granted) == 1:
		c.query.filters = append(c.query.filters, filter{field: "status", value: "active"})
	}
	if c.rt.reads(method) {
		return answer{}, false
	}
	if inner, ok := c.body["employee"].(map[string]any); ok && strings.HasPrefix(path, employeesPath) {
		c.body = inner
	}
	c.body = withTextIDs(c.body)
	if list, ok := c.body["attendances"].([]any); ok && path == attendancesPath && len(list) > 0 && len(list) <= maxLimit {
		var ids []any
		for _, one := range list {
			members, _ := one.(map[string]any)
			c.body = withTextIDs(members)
			a := c.perform(method)
			if a.status != http.StatusCreated {
				return a, true
			}
			p.tell(c, a)
			ids = append(ids, v1ID(a.body.(object)["id"]))
		}
		return answer{http.StatusCreated, object{"id": ids}}, true
	}
	if path == webhooksPath && c.body["status"] == nil {
		c.body = c.body.merged(object{"status": "DISABLED"})
	}
	a := c.perform(method)
	p.tell(c, a)
	return a, true
}

// picture answers the picture of an employee; with an attribute that is not listed the row was
// not admitted.
func (p *personio) picture(c *call) answer {
	p.s.store.mu.RLock()
	defer p.s.store.mu.RUnlock()
	_, there := p.s.store.all["employee"].objects[c.params["employee_id"]]
	if width, err := strconv.Atoi(c.params["width"]); !there || err != nil || width < 1 {
		return notFound
	}
	p.next(c, http.StatusOK) // what is no JSON is not shaped
	return answer{http.StatusOK, file{"image/png", onePixel}}
}

// onePixel is the smallest picture there is.
var onePixel = func() []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))) // to memory
	return b.Bytes()
}()

// attributes answers what the credential's list names.
func (p *personio) attributes(c *call) answer {
	list := &p.s.catalog.AllowLists[0]
	var rows []object
	for _, a := range p.s.store.all[list.Of].seed.Attributes {
		if p.s.listed(c.k, list.Name, a.Name) || c.wrong("attributes-show-all") {
			rows = append(rows, object{"key": universalID(a.Name), "label": labelOf(a.Name), "type": "standard", "universal_id": universalID(a.Name), "options": []object{}})
		}
	}
	return answer{http.StatusOK, object{"data": rows, "total": len(rows)}}
}

func (p *personio) columns() []object {
	var rows []object
	for _, a := range p.s.store.all["employee"].seed.Attributes {
		rows = append(rows, object{"attribute_id": universalID(a.Name), "human_readable": labelOf(a.Name), "data_type": "TEXT"})
	}
	return rows
}

// report answers one custom report: every attribute of every employee, whatever the list of
// the credential names.
func (p *personio) report(c *call) answer {
	st := p.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	o, ok := c.rt.objects.objects[c.params["report_id"]]
	if !ok {
		return notFound
	}
	employees := st.all["employee"]
	items := make([]object, 0, len(employees.ids))
	to := min(c.query.offset+c.query.limit, len(employees.ids))
	for _, id := range employees.ids[min(c.query.offset, to):to] {
		var shown []object
		for _, a := range employees.seed.Attributes {
			if !c.wrong("reports-keep-to-list") || p.s.listed(c.k, "readable", a.Name) {
				v, _ := employees.objects[id].at(a.Name)
				shown = append(shown, object{"attribute_id": universalID(a.Name), "value": v, "data_type": "TEXT"})
			}
		}
		items = append(items, object{"employee_id": v1ID(id), "attributes": shown})
	}
	out := o.merged(nil)
	out["items"] = items
	return answer{http.StatusOK, object{"data": []object{out}, "total": len(employees.ids)}}
}

// enabledReports serves the reports of v1 that an administrator has enabled for v2.
func (p *personio) enabledReports(c *call) answer {
	st := p.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	coll := p.s.homes[reportsPath]
	shown := func(o object) bool { return o["api_enabled"] == true }
	if id := c.params["id"]; id != "" {
		if o, ok := coll.objects[id]; ok && (shown(o) || c.wrong("disabled-report-served")) {
			return answer{http.StatusOK, o}
		}
		return notFound
	}
	return c.list(coll, slices.DeleteFunc(coll.all(), func(o object) bool { return !shown(o) }))
}

// shape writes a body as the API does.
func (p *personio) shape(c *call, status int, body any) (int, any) {
	p.next(c, status)
	c.w.Header().Del("X-Total-Count")
	switch v2 := isV2(c.r.URL.Path); {
	case status >= 400 && v2:
		return p.v2Error(c, status)
	case status >= 400 && strings.HasPrefix(c.r.URL.Path, "/v1/"), status >= 400 && recruiting(c.rt):
		return p.v1Error(c, status, body)
	case status >= 300 || c.rt == nil:
		return status, body
	case v2:
		return p.v2Body(c, status, body)
	}
	return p.v1Body(c, status, body)
}

// objectOf is a body that is an object.
func objectOf(body any) (object, bool) {
	switch body := body.(type) {
	case object:
		return body, true
	case map[string]any:
		return body, true
	}
	return nil, false
}

func (p *personio) v1Body(c *call, status int, body any) (int, any) {
	row := c.rt.row
	good := func(status int, data any) (int, any) { return status, object{"success": true, "data": data} }
	if recruiting(c.rt) {
		switch o, _ := objectOf(body); row.Path {
		case applicantPath:
			return http.StatusOK, object{"success": true}
		case "/v1/recruiting/applications":
			return http.StatusCreated, nil
		default:
			return http.StatusOK, object{"uuid": o["id"]}
		}
	}
	t, typed := c.rt.v1Type()
	o, ok := objectOf(body)
	if rows, isList := o["data"].([]object); isList {
		total, _ := o["total"].(int)
		data := make([]object, len(rows))
		for i, row := range rows {
			if data[i] = row; typed && c.rt.kind == kindObjects {
				data[i] = p.v1Row(c, t, row)
			}
		}
		out := object{"success": true, "data": data}
		if t.paged {
			limit := max(c.query.limit, 1)
			out["metadata"] = object{"total_elements": total, "current_page": c.query.offset / limit, "total_pages": (total + limit - 1) / limit}
			out["offset"], out["limit"] = c.query.offset, c.query.limit
		}
		return status, out
	}
	switch {
	case body == nil && row.Method == http.MethodDelete && strings.HasPrefix(row.Path, projectsPath):
		return http.StatusNoContent, nil
	case body == nil && row.Method == http.MethodDelete:
		return good(http.StatusOK, object{"message": "The " + v1Thing(c.rt) + " was deleted."})
	case body == nil || !ok:
		return status, body
	case !typed:
		return good(status, o)
	case row.Method == http.MethodPost && row.Path == attendancesPath:
		ids, isList := o["id"].([]any)
		if !isList {
			ids = []any{v1ID(o["id"])}
		}
		return good(http.StatusOK, object{"id": ids, "message": "success"})
	case row.Method != http.MethodGet && strings.HasPrefix(row.Path, employeesPath):
		return good(http.StatusOK, object{"id": v1ID(o["id"]), "message": "success"})
	case row.Method == http.MethodPatch && strings.HasPrefix(row.Path, attendancesPath+"/{"):
		return good(http.StatusOK, object{"message": "The attendance period was updated."})
	case row.Method == http.MethodPost && row.Path == absencesPath:
		return good(http.StatusCreated, []object{p.v1Row(c, t, o)})
	case row.Method == http.MethodPost && row.Path != documentsPath:
		status = http.StatusOK
	}
	return good(status, p.v1Row(c, t, o))
}

// v1Row is an object with type and attributes. Employees show a label with each attribute.
func (p *personio) v1Row(c *call, t v1Type, o object) object {
	attributes, out := object{}, object{"type": t.name}
	for name, v := range o {
		switch {
		case name == "id" && t.outside:
			out["id"] = v1ID(v)
		case name == "id" && t.name == "Employee":
			if p.s.switches["v1-id"] == "always" || p.s.listed(c.k, "readable", "id") {
				attributes["id"] = labelled("id", v1ID(v), "integer")
			}
		case name == "id":
			attributes["id"] = v1ID(v)
		case name == pictureAttribute || name == "api_enabled":
		case t.name == "Employee":
			attributes[name] = labelled(name, v, "standard")
		case name == "employee" && t.outside:
			attributes[name] = v1ID(v)
		case name == "employee":
			attributes[name] = object{"type": "Employee", "attributes": object{"id": labelled("id", v1ID(v), "integer")}}
		default:
			attributes[name] = v
		}
	}
	out["attributes"] = attributes
	return out
}

func labelled(name string, v any, kind string) object {
	switch v.(type) {
	case int, float64:
		if name != "id" {
			kind = "decimal"
		}
	}
	if strings.HasSuffix(name, "_date") {
		kind = "date"
	}
	return object{"label": labelOf(name), "value": v, "type": kind, "universal_id": universalID(name)}
}

// labelOf is the name of an attribute as people read it.
func labelOf(name string) string {
	if name == "id" {
		return "ID"
	}
	text := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

func universalID(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, " ", "_"))
}

// v1ID is an id as v1 writes it: a number where it is one.
func v1ID(id any) any {
	text := textOf(id)
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return id
}

// withTextIDs is a body whose mention of an employee is as the server keeps ids: v1 writes
// them as numbers.
func withTextIDs(body object) object {
	for _, name := range []string{"employee", "employee_id"} {
		if n, ok := body[name].(float64); ok {
			body = body.merged(nil)
			body[name] = strconv.FormatFloat(n, 'f', -1, 64)
		}
	}
	return body
}

// v1Thing is what a message calls the object of a row.
func v1Thing(rt *route) string {
	if rt != nil && strings.HasPrefix(rt.row.Path, attendancesPath) {
		return "attendance period"
	}
	return "absence period"
}

func (p *personio) v1Error(c *call, status int, body any) (int, any) {
	if recruiting(c.rt) {
		if status == http.StatusUnauthorized && c.rt.row.Path == applicantPath {
			status = http.StatusForbidden // key and company do not match
		}
		if status < 500 && status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
			return status, nil
		}
	}
	path := c.r.URL.Path
	if strings.HasPrefix(path, "/v1/company/custom-reports/") && (status == http.StatusBadRequest || status == http.StatusNotFound || status >= 500) {
		return status, []object{{"status": status, "trace_id": traceID(), "timestamp": p.s.now().UTC().Format(time.RFC3339),
			"errors": []object{{"title": http.StatusText(status), "details": http.StatusText(status), "type": "search", "_meta": []object{}}}}}
	}
	code, message := status, http.StatusText(status)
	o, _ := objectOf(body)
	switch {
	case status == http.StatusUnauthorized && len(c.r.Header["Authorization"]) == 0:
		message = "Authorization is not provided"
	case status == http.StatusUnauthorized:
		message = "The token has been blacklisted"
	case status == http.StatusForbidden && p.s.switches["forbidden-message"] == "exception":
		code, message = 0, "personio.core.api.exceptions.api.forbidden.http.exception"
	case status == http.StatusForbidden:
		message = "Provided authorization is not valid"
	case status == http.StatusNotFound && c.rt != nil && c.rt.row.Path == picturePath:
		if c.wrong("picture-forbidden") && c.who == Valid && !p.s.listed(c.k, "readable", pictureAttribute) {
			return http.StatusForbidden, object{"success": false, "error": object{"code": http.StatusForbidden, "message": "Provided authorization is not valid"}}
		}
		message = "Etwas ist schiefgelaufen"
	case status == http.StatusNotFound && c.rt != nil && strings.HasPrefix(c.rt.row.Path, employeesPath):
		message = "Es ist ein Problem aufgetreten"
	case status == http.StatusNotFound && c.rt != nil && strings.HasPrefix(c.rt.row.Path, projectsPath):
		return status, object{"success": false, "message": "Project " + c.params["id"] + " not found"}
	case status == http.StatusNotFound && c.rt != nil && c.rt.param != "":
		message = "The " + v1Thing(c.rt) + " was not found."
	case status == http.StatusUnprocessableEntity:
		return status, object{"success": false, "error": object{"code": 0, "message": "The given data was invalid.", "error_data": object{textOf(o["field"]): []any{"The value is invalid."}}}}
	}
	return status, object{"success": false, "error": object{"code": code, "message": message}}
}

func (p *personio) v2Error(c *call, status int) (int, any) {
	title, detail, kind := http.StatusText(status), "", "about:blank"
	switch {
	case status == http.StatusUnauthorized && p.s.switches["v2-unauthorized"] == "empty":
		return status, nil
	case status == http.StatusForbidden && c.wrong("scope-error-plain"):
		return status, object{"error": "forbidden"}
	case status == http.StatusForbidden:
		title, detail, kind = "Insufficient access scope", "Client scope insufficient to access resource", personioCodes+"#commonforbidden"
	case status == http.StatusNotFound && c.rt == nil:
		title, kind = "Not Found", personioCodes+"#apinot_found"
	case status == http.StatusNotFound:
		title = "Resource not found"
	}
	return status, object{"personio_trace_id": traceID(), "timestamp": p.s.now().UTC().Format(time.RFC3339),
		"errors": []object{{"title": title, "detail": detail, "type": kind, "_meta": object{}}}}
}

// personioCodes is the page that the types of v2 errors point to.
const personioCodes = "https://developer.personio.de/docs/public-api-error-codes"

func (p *personio) v2Body(c *call, status int, body any) (int, any) {
	o, ok := objectOf(body)
	if rows, isList := o["data"].([]object); isList {
		links := object{"self": object{"href": p.link(c, c.r.URL.RawQuery)}}
		if next, more := o["next"].(string); more {
			values := c.r.URL.Query()
			values.Set("cursor", next)
			links["next"] = object{"href": p.link(c, values.Encode())}
		}
		return status, object{"_data": rows, "_meta": object{"links": links}}
	}
	if !ok {
		return status, body
	}
	if c.rt.row.Method == http.MethodPatch && strings.HasPrefix(c.rt.row.Path, personsPath+"/") {
		return http.StatusNoContent, nil
	}
	return status, o
}

// link is the address of the path that was asked for, with another query.
func (p *personio) link(c *call, query string) string {
	u := url.URL{Scheme: "http", Host: c.r.Host, Path: c.r.URL.Path, RawQuery: query}
	return u.String()
}

// row adds to a person of v2 its employments and links. The store is locked.
func (p *personio) row(c *call, coll *collection, o, shown object) object {
	if coll.name != "person" {
		return shown
	}
	out := shown.merged(nil)
	employments := []object{}
	for _, ch := range coll.children {
		if ch.of.name == "employment" {
			for _, one := range c.childrenOf(ch, o) {
				employments = append(employments, object{"id": one["id"]})
			}
		}
	}
	out["employments"] = employments
	href := url.URL{Scheme: "http", Host: c.r.Host, Path: personsPath + "/" + textOf(o["id"]) + "/employments"}
	out["_meta"] = object{"links": object{"employments": object{"href": href.String()}}}
	return out
}

// first is the first value of a parameter, and whether it was given.
func first(q url.Values, name string) (string, bool) {
	values, ok := q[name]
	if !ok || len(values) == 0 {
		return "", false
	}
	return values[0], true
}
