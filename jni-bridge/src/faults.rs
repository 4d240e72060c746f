//! What only the library of the Java tests has: panics on demand, and a gate's descriptors as a binder call
//! would bring them. Never in what is shipped.

#![allow(unsafe_code, reason = "the JVM finds these by their symbols")]

use std::os::fd::IntoRawFd;

use consentd_dbus::{Gate1Proxy, Options};
use jni::EnvUnowned;
use jni::objects::{JClass, JIntArray, JString};
use jni::sys::{JNIEnv, jclass, jint};

use crate::check;
use crate::exports::native;

/// Panics where a JNIEnv is at hand.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_consentd_Faults_panic0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jint {
    native(env, |_env| panic!("on demand"))
}

/// Panics in a check.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_consentd_Faults_panicInCheck0(
    _env: *mut JNIEnv,
    _class: jclass,
    _consent: jint,
    _purpose: jint,
    _data: jint,
) -> jint {
    check::without_panic(|| panic!("on demand"))
}

/// Opens a gate on the bus at an address: page, usage, alive, line. The connection stays, and so the gate.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_consentd_Faults_openGate0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    address: JString<'local>,
) -> JIntArray<'local> {
    native(env, |env| {
        let address = address.try_to_string(env)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
        let opened = runtime.block_on(async {
            let bus = zbus::connection::Builder::address(&*address).build().await?;
            let opened = Gate1Proxy::new(&bus).await?.open(Options::new()).await?;
            std::mem::forget(bus);
            Ok::<_, consentd_dbus::Error>(opened)
        });
        std::mem::forget(runtime);
        let (mut handles, _) = opened.unwrap_or_else(|error| panic!("{error}"));
        let mut take = |name| -> jint {
            let handle = handles.remove(name).unwrap_or_else(|| panic!("no {name}"));
            std::os::fd::OwnedFd::from(handle).into_raw_fd()
        };
        let numbers = ["page", "usage", "alive", "line"].map(&mut take);
        let array = env.new_int_array(numbers.len())?;
        array.set_region(env, 0, &numbers)?;
        Ok(array)
    })
}
