//! Finding a cycle, to show its path.

/// The vertices of some cycle in order, or `None` if there is none. Depth-first with an explicit stack, linear in
/// vertices and edges.
pub(super) fn find(successors: &[Vec<u32>]) -> Option<Vec<u32>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }
    let mut marks = vec![Mark::New; successors.len()];
    let mut path: Vec<(u32, usize)> = Vec::new();
    for start in 0..successors.len() as u32 {
        if marks[start as usize] != Mark::New {
            continue;
        }
        marks[start as usize] = Mark::OnPath;
        path.push((start, 0));
        while let Some((vertex, at)) = path.last_mut() {
            let Some(&next) = successors[*vertex as usize].get(*at) else {
                marks[*vertex as usize] = Mark::Done;
                path.pop();
                continue;
            };
            *at += 1;
            match marks[next as usize] {
                Mark::New => {
                    marks[next as usize] = Mark::OnPath;
                    path.push((next, 0));
                }
                Mark::OnPath => {
                    return Some(
                        path.iter()
                            .map(|&(vertex, _)| vertex)
                            .skip_while(|&vertex| vertex != next)
                            .collect(),
                    );
                }
                Mark::Done => {}
            }
        }
    }
    None
}
