/* openqmgr_access.h - who may use the service, in one place: for its registration (AppID) and for
 * its own process (CoInitializeSecurity). docs/decisions/0020.
 *
 * It runs as LocalSystem and is started on demand, which makes it a tool for attacks that let a
 * privileged COM server authenticate to, or call, an endpoint of the attacker's (the class of
 * CVE-2016-3225): so it is not reachable for more than its users.
 *
 *   SY, BA   the system and administrators; they are authenticated users too, and are named so that
 *            they keep access when AU is narrowed
 *   AU       every user who is logged on to this computer with an account: at the console, in a
 *            terminal session, as a service or a task, or by WinRM or SSH, which are network
 *            logons. Not anonymous, not Guest
 *   rights   CC execute, DC execute locally, SW activate locally; never LC and RP, which are the
 *            same from another machine: a network logon has access only where its programs run
 *            here
 *   no AC    programs in an AppContainer stay outside
 *   S:(ML;;NX;;;ME)   programs below medium integrity (sandboxed ones) stay outside
 *
 * COM wants an owner and a group as well. What a caller may do with a group is decided in each call
 * (core/oq_group_machine.h).
 */
#ifndef OPENQMGR_ACCESS_H
#define OPENQMGR_ACCESS_H

#define OQ_ACCESS_OWNER L"O:BAG:BA"

/* Calls. For CoInitializeSecurity, which takes no label; without one COM asks for medium integrity
 * (page "Mandatory Integrity Control"). */
#define OQ_ACCESS_SDDL_PLAIN OQ_ACCESS_OWNER L"D:(A;;CCDC;;;SY)(A;;CCDC;;;BA)(A;;CCDC;;;AU)"
#define OQ_ACCESS_SDDL OQ_ACCESS_SDDL_PLAIN L"S:(ML;;NX;;;ME)"

/* Starting the service. */
#define OQ_LAUNCH_SDDL                                                                             \
    OQ_ACCESS_OWNER L"D:(A;;CCDCSW;;;SY)(A;;CCDCSW;;;BA)(A;;CCDCSW;;;AU)S:(ML;;NX;;;ME)"

#endif
